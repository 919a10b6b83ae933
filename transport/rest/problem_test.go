package rest_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestAProblemRemovesTheHeadersOfTheFailedAnswer(t *testing.T) {
	stale := []string{"Content-Length", "Content-Encoding", "Cache-Control", "Etag", "Last-Modified", "Content-Type"}
	mux := http.NewServeMux()
	mux.HandleFunc("/failed", func(w http.ResponseWriter, _ *http.Request) {
		for _, name := range stale {
			w.Header().Set(name, "5")
		}
		w.Header().Set("X-Kept", "1")
		rest.WriteError(w, fault.NotFound.Errorf("no such page"))
	})
	rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /panicked"}.Handle(mux, func(context.Context, endpoint.None) (endpoint.None, error) { panic("oops") })
	_, server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range stale {
			w.Header().Set(name, "5")
		}
		w.Header().Set("X-Kept", "1")
		mux.ServeHTTP(w, r)
	}))
	for _, c := range []struct {
		path   string
		status int
	}{
		{path: "/failed", status: 404},
		{path: "/panicked", status: 500},
	} {
		answer, err := server.Client().Get(server.URL + c.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != c.status || len(body) < 10 || answer.Header.Get("X-Kept") != "1" {
			t.Errorf("%s: %d %q: %v", c.path, answer.StatusCode, body, err)
		}
		for _, name := range stale {
			if got := answer.Header.Get(name); got == "5" {
				t.Errorf("%s: %s is still %q", c.path, name, got)
			}
		}
	}
}

func TestTheLongestWaitIsWritten(t *testing.T) {
	w := ask(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		rest.WriteError(w, fault.Unavailable.Errorf("never").WithRetryAfter(math.MaxInt64))
	}), "GET", "/", "", "")
	if got := w.Header().Get("Retry-After"); got != "9223372037" {
		t.Error(got)
	}
}

// reportingWriter records the failures that are reported to it, beneath another writer.
type reportingWriter struct {
	http.ResponseWriter
	failures []error
}

func (o *reportingWriter) Failed(err error) { o.failures = append(o.failures, err) }

type wrapping struct{ http.ResponseWriter }

func (o wrapping) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func TestTheWriterGetsTheFailureThatTheCallerSees(t *testing.T) {
	exists := fault.AlreadyExists.Errorf("p exists: %w", io.ErrUnexpectedEOF).WithReason("taken")
	route := rest.Route[*ReserveRequest, *Stock]{Pattern: "POST /r/{product_id}", Keyed: true}
	mux := http.NewServeMux()
	route.Handle(mux, func(_ context.Context, r *ReserveRequest) (*Stock, error) {
		switch r.ProductID {
		case "panics":
			panic("oops")
		case "lost":
			return nil, fault.DataLoss.Errorf("the record is torn")
		case "fine":
			return &Stock{}, nil
		}
		return nil, exists
	})
	mux.HandleFunc("/failed", func(w http.ResponseWriter, _ *http.Request) { rest.WriteError(w, exists) })
	caller, _ := serve(t, mux)
	gateway := http.NewServeMux()
	route.Forward(gateway, caller)
	ask := func(h http.Handler, path, key string) []error {
		r := httptest.NewRequest("POST", path, strings.NewReader(`{"quantity":1}`))
		r.Header = http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {key}}
		w := &reportingWriter{ResponseWriter: httptest.NewRecorder()}
		h.ServeHTTP(wrapping{wrapping{w}}, r)
		return w.failures
	}
	for _, tt := range []struct {
		name      string
		h         http.Handler
		path, key string
		want      fault.Code
	}{
		{"kept", mux, "/r/taken", "k-1", fault.AlreadyExists},
		{"replayed", mux, "/r/taken", "k-1", fault.AlreadyExists},
		{"not kept", mux, "/r/lost", "k-2", fault.DataLoss},
		{"panicked", mux, "/r/panics", "k-3", fault.Internal},
		{"Fail", mux, "/failed", "", fault.AlreadyExists},
		{"bad key", mux, "/r/fine", "é", fault.InvalidArgument},
		{"forwarded", gateway, "/r/taken", "k-4", fault.AlreadyExists},
		{"unknown path", rest.ProblemMux(mux), "/nowhere", "", fault.NotFound},
		{"success", mux, "/r/fine", "k-5", 0},
		{"success, forwarded", gateway, "/r/fine", "k-6", 0},
	} {
		got := ask(tt.h, tt.path, tt.key)
		if tt.want == 0 {
			if len(got) != 0 {
				t.Errorf("%s: told of %v", tt.name, got)
			}
			continue
		}
		if len(got) != 1 || fault.CodeOf(got[0]) != tt.want {
			t.Errorf("%s: told of %v, want %v", tt.name, got, tt.want)
		}
		if tt.name == "kept" && !errors.Is(got[0], io.ErrUnexpectedEOF) {
			t.Errorf("the cause is lost: %v", got)
		}
	}
}

func TestAStoredRefusalHasItsRetryAfter(t *testing.T) {
	mux := http.NewServeMux()
	rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /r", Keyed: true}.Handle(mux, func(context.Context, endpoint.None) (endpoint.None, error) {
		return endpoint.None{}, fault.FailedPrecondition.Errorf("closed").WithRetryAfter(time.Minute)
	})
	for range 2 {
		if w := ask(mux, "POST", "/r", "", "", "Idempotency-Key", "k"); w.Header().Get("Retry-After") != "60" || problemOf(t, w).RetryAfter != "1m0s" {
			t.Errorf("%s %s", w.Header(), w.Body)
		}
	}
}

func TestAFailureIsLoggedWithItsRequest(t *testing.T) {
	mux := &logged{ServeMux: http.NewServeMux()}
	rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /fail"}.Handle(mux, func(context.Context, endpoint.None) (endpoint.None, error) {
		return endpoint.None{}, fault.Unavailable.Errorf("the bank is closed")
	})
	rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /panic"}.Handle(mux, func(context.Context, endpoint.None) (endpoint.None, error) { panic("oops") })
	for _, c := range []struct {
		path string
		want string
	}{
		{path: "/fail", want: "request failed"},
		{path: "/panic", want: "handler panicked"},
	} {
		mux.buffer.Reset()
		r := httptest.NewRequest("POST", c.path+"?token=hunter2", nil)
		r.Header.Set("X-Request-Id", "r-1")
		r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
		mux.ServeHTTP(httptest.NewRecorder(), r)
		for _, part := range []string{c.want, `route="POST ` + c.path + `"`, "request_id=r-1", "trace_id=4bf92f3577b34da6a3ce929d0e0e4736", "duration="} {
			if !strings.Contains(mux.buffer.String(), part) {
				t.Errorf("no %s in %s", part, &mux.buffer)
			}
		}
		if strings.Contains(mux.buffer.String(), "hunter2") {
			t.Errorf("it shows the query: %s", &mux.buffer)
		}
	}
}
