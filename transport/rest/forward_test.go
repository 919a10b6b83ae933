package rest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestForwardReturnsARedirectAndDoesNotFollowIt(t *testing.T) {
	var fetched atomic.Int64
	backend := http.NewServeMux()
	backend.HandleFunc("/inner", func(http.ResponseWriter, *http.Request) { fetched.Add(1) })
	backend.HandleFunc("/moved/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/inner", http.StatusTemporaryRedirect)
	})
	caller, _ := serve(t, backend)
	for _, method := range []string{"GET", "POST"} {
		mux := http.NewServeMux()
		rest.Route[endpoint.None, endpoint.None]{Pattern: method + " /moved/"}.Forward(mux, caller)
		w := ask(mux, method, "/moved/", "", "")
		if w.Code != 307 || w.Header().Get("Location") != "/inner" || fetched.Load() != 0 {
			t.Errorf("%s: %d to %q, fetched %d times", method, w.Code, w.Header().Get("Location"), fetched.Load())
		}
	}
}

func TestForwardDropsHopByHopHeaders(t *testing.T) {
	var got http.Header
	backend := http.NewServeMux()
	backend.HandleFunc("GET /x", func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		for name, values := range hops {
			w.Header()[name] = values
		}
		w.WriteHeader(http.StatusNoContent)
	})
	caller, _ := serve(t, backend)
	mux := http.NewServeMux()
	rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /x"}.Forward(mux, caller)
	var header []string
	for name, values := range hops {
		for _, value := range values {
			header = append(header, name, value)
		}
	}
	w := ask(mux, "GET", "/x", "", "", header...)
	for _, c := range []struct {
		side string
		h    http.Header
	}{
		{side: "request", h: got},
		{side: "answer", h: w.Header()},
	} {
		for name := range hops {
			if kept := name != "X-Through"; (c.h[name] == nil) != kept {
				t.Errorf("%s: %s is %q", c.side, name, c.h[name])
			}
		}
	}
}

// hops are hop-by-hop headers, and one that passes.
var hops = http.Header{
	"Connection":          {"keep-alive, x-Hop"},
	"X-Hop":               {"1"},
	"Expect":              {"100-continue"}, // answered when the body is read
	"X-Through":           {"1"},
	"Proxy-Authorization": {"Basic c2VjcmV0"},
	"Proxy-Authenticate":  {"Basic"},
	"Proxy-Status":        {"cache"},
}

func TestForwardLogsAnUnavailableCalleeAndNotACallerWhoGaveUp(t *testing.T) {
	mux := &logged{ServeMux: http.NewServeMux()}
	rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /x"}.Forward(mux, rest.Remote("http://127.0.0.1:1", http.DefaultClient))
	ctx, leave := context.WithCancel(t.Context())
	leave()
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/x", nil))
	if mux.buffer.Len() > 0 {
		t.Errorf("a caller who left: %s", &mux.buffer)
	}
	if w := ask(mux, "GET", "/x", "", ""); w.Code != 503 || !strings.Contains(mux.buffer.String(), "level=WARN") {
		t.Errorf("a callee that is down: %d %s", w.Code, &mux.buffer)
	}
}
