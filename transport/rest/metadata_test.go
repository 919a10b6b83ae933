package rest_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestARequestWithAPassedDeadlineDoesNotRun(t *testing.T) {
	ran := false
	mux := http.NewServeMux()
	route := rest.Route[rest.None, rest.None]{Pattern: "GET /x"}
	route.Handle(mux, func(context.Context, rest.None) (rest.None, error) { ran = true; return rest.None{}, nil })
	caller, _ := serve(t, mux)
	gateway := http.NewServeMux()
	route.Forward(gateway, caller)
	for name, h := range map[string]http.Handler{"route": mux, "gateway": gateway, "behind Accept": rest.ReadMetadata(nil)(mux)} {
		for _, text := range []string{"0s", "0", "-5s", "-2562047h"} {
			ran = false
			w := ask(h, "GET", "/x", "", "", "X-Request-Timeout", text)
			if p := problemOf(t, w); ran || p.Status != 504 || p.Code != "deadline_exceeded" || !p.Unprocessed {
				t.Errorf("%s: %q ran %v, %+v", name, text, ran, p)
			}
		}
		for _, text := range []string{"soon", "5", "9999999999h", "2562047h47m16.8s"} {
			ran = false
			if w := ask(h, "GET", "/x", "", "", "X-Request-Timeout", text); !ran || w.Code != 204 {
				t.Errorf("%s: %q ran %v, %d", name, text, ran, w.Code)
			}
		}
	}
}

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	header := ""
	caller, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", header)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	call := rest.Route[rest.None, rest.None]{Pattern: "GET /x"}.Endpoint(caller)
	at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	for text, want := range map[string][2]time.Duration{
		"7": {7 * time.Second, 7 * time.Second}, at(time.Hour): {time.Second, time.Hour}, at(-time.Hour): {0, 0}, "-7": {0, 0}, "soon": {0, 0},
		"99999999": {24 * time.Hour, 24 * time.Hour}, at(99 * time.Hour): {24 * time.Hour, 24 * time.Hour}, "Fri, 31 Dec 9999 23:59:59 GMT": {24 * time.Hour, 24 * time.Hour},
		"Mon, 01 Jan 0001 00:00:00 GMT": {0, 0},
	} {
		header = text
		_, err := call(t.Context(), rest.None{})
		if got := fault.RetryAfter(err); got < want[0] || got > want[1] {
			t.Errorf("%q: %s, want from %s to %s", text, got, want[0], want[1])
		}
	}
}
