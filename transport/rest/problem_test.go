package rest_test

import (
	"io"
	"math"
	"net/http"
	"testing"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestAProblemKeepsNothingOfTheAnswerThatFailed(t *testing.T) {
	stale := []string{"Content-Length", "Content-Encoding", "Cache-Control", "Etag", "Last-Modified", "Content-Type"}
	mux := http.NewServeMux()
	mux.HandleFunc("/failed", func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range stale {
			w.Header().Set(name, "5")
		}
		w.Header().Set("X-Kept", "1")
		rest.Fail(w, fault.NotFound.Errorf("no such page"))
	})
	rest.Route[rest.None, rest.None]{Pattern: "GET /panicked"}.Handle(mux, nil)
	_, server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range stale {
			w.Header().Set(name, "5")
		}
		w.Header().Set("X-Kept", "1")
		mux.ServeHTTP(w, r)
	}))
	for path, status := range map[string]int{"/failed": 404, "/panicked": 500} {
		answer, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != status || len(body) < 10 || answer.Header.Get("X-Kept") != "1" {
			t.Errorf("%s: %d %q: %v", path, answer.StatusCode, body, err)
		}
		for _, name := range stale {
			if got := answer.Header.Get(name); got == "5" {
				t.Errorf("%s: %s is still %q", path, name, got)
			}
		}
	}
}

func TestTheLongestWaitIsWritten(t *testing.T) {
	w := ask(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		rest.Fail(w, fault.Unavailable.Errorf("never").WithRetryAfter(math.MaxInt64))
	}), "GET", "/", "", "")
	if got := w.Header().Get("Retry-After"); got != "9223372037" {
		t.Error(got)
	}
}
