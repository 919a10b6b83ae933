package rest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// threeAttempts makes three attempts of every call, all at one address.
type threeAttempts string

func (a threeAttempts) Call(ctx context.Context, op call.Operation, send func(context.Context, string) error) (err error) {
	ctx, c := callctx.With(ctx, callctx.Outgoing(ctx, op))
	for c.Attempt = 1; c.Attempt <= 3; c.Attempt++ {
		err = send(ctx, string(a))
	}
	return err
}

func TestRepeatsSendTheSameRequestAndAreMarked(t *testing.T) {
	var keys, bodies, marks []string
	_, server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		keys, bodies, marks = append(keys, r.Header.Get("Idempotency-Key")), append(bodies, string(body)), append(marks, r.Header.Get("X-Request-Attempt"))
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	_, err := Reserve.Endpoint(threeAttempts(server.URL))(t.Context(), &ReserveRequest{ProductID: "p", Quantity: 3})
	if err == nil || fmt.Sprintf("%q", marks) != `["" "2" "3"]` {
		t.Errorf("attempts are marked %q (%v)", marks, err)
	}
	for n := range keys {
		if bodies[n] != `{"quantity":3}` || keys[n] == "" || keys[n] != keys[0] {
			t.Errorf("attempt %d had key %q and body %s; the first %q", n+1, keys[n], bodies[n], keys[0])
		}
	}
}

func TestAnAnswerContainsNothingOfAnEarlierAttempt(t *testing.T) {
	answers := []string{`{"product_id":"stale","available":"many"}`, `{"product_id":"stale"`, `{"available":2}`}
	_, server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(answers[0]))
		answers = answers[1:]
	}))
	got, err := Reserve.Endpoint(threeAttempts(server.URL))(t.Context(), &ReserveRequest{ProductID: "p", Quantity: 1})
	if err != nil || *got != (Stock{Available: 2}) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPriorityAndRepeatPassOnFromTrustedCallersOnly(t *testing.T) {
	got := map[string]http.Header{}
	backend := http.NewServeMux()
	backend.HandleFunc("/{by}", func(w http.ResponseWriter, r *http.Request) { got[r.PathValue("by")] = r.Header; w.WriteHeader(204) })
	caller, _ := serve(t, backend)
	handled, forwarded := rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /handled"}, rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /forwarded"}
	mux := http.NewServeMux()
	handled.Handle(mux, handled.Endpoint(caller))
	forwarded.Forward(mux, caller)
	for _, trusted := range []bool{true, false} {
		want := "[] []"
		if trusted {
			want = "[7] [2]"
		}
		h := rest.ReadMetadata(func(*http.Request) bool { return trusted })(mux)
		for _, by := range []string{"handled", "forwarded"} {
			w := ask(h, "POST", "/"+by, "", "", "X-Request-Priority", "7", "X-Request-Attempt", "2", "X-Request-Id", "r-1")
			if along := fmt.Sprint(got[by]["X-Request-Priority"], got[by]["X-Request-Attempt"]); w.Code != 204 || along != want || got[by].Get("X-Request-Id") != "r-1" {
				t.Errorf("trusted %v, %s: %d, priority and attempt %s, want %s", trusted, by, w.Code, along, want)
			}
		}
	}
	ctx := call.With(t.Context(), call.Record{Attempt: 2})
	if _, err := handled.Endpoint(caller)(ctx, endpoint.None{}); err != nil || got["handled"].Get("X-Request-Attempt") != "2" {
		t.Errorf("a call of a repeat is marked %q (%v)", got["handled"].Get("X-Request-Attempt"), err)
	}
}

func TestTracesTravelInEveryFormat(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	var in tracing.SpanContext
	var out http.Header
	backend, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { out = r.Header; w.WriteHeader(204) }))
	route := rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /x"}
	mux := http.NewServeMux()
	route.Handle(mux, func(ctx context.Context, _ endpoint.None) (endpoint.None, error) {
		in = tracing.SpanContextOf(ctx)
		return route.Endpoint(backend)(ctx, endpoint.None{})
	})
	for _, c := range []struct {
		name   string
		header []string
	}{
		{name: "W3C", header: []string{"Traceparent", "00-" + trace + "-" + span + "-01"}},
		{name: "b3", header: []string{"B3", trace + "-" + span + "-1"}},
		{name: "X-B3-*", header: []string{"X-B3-TraceId", trace, "X-B3-SpanId", span, "X-B3-Sampled", "1"}},
		{name: "debug", header: []string{"X-B3-TraceId", trace, "X-B3-SpanId", span, "X-B3-Flags", "1"}},
		{name: "64 bits", header: []string{"B3", trace[16:] + "-" + span + "-1"}},
	} {
		trusted := rest.ReadMetadata(func(*http.Request) bool { return true })(mux)
		for _, tt := range []struct {
			by string
			h  http.Handler
		}{
			{by: "route", h: mux},
			{by: "Accept", h: rest.ReadMetadata(nil)(mux)},
			{by: "Accept that trusts", h: trusted},
		} {
			want, decision, digit := trace, "-00", ""
			if tt.by == "Accept that trusts" {
				decision, digit = "-01", "-1"
			}
			if c.name == "64 bits" {
				want = "0000000000000000" + trace[16:]
			}
			in, out = tracing.SpanContext{}, nil
			w := ask(tt.h, "POST", "/x", "", "", c.header...)
			if w.Code != 204 || in.TraceID.String() != want || in.SpanID.String() != span || in.Sampled != (digit != "") || in.Undecided != (digit == "") {
				t.Errorf("%s by %s: %d, %+v came in", c.name, tt.by, w.Code, in)
			}
			if out.Get("Traceparent") != "00-"+want+"-"+span+decision || out.Get("B3") != want+"-"+span+digit {
				t.Errorf("%s by %s: %q and %q went out", c.name, tt.by, out.Get("Traceparent"), out.Get("B3"))
			}
		}
	}
}

// inProcess is a transport to a handler in the caller's own process.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestACallWithinAProcessIsARequestLikeAnyOther(t *testing.T) {
	mux := http.NewServeMux()
	route := rest.Route[endpoint.None, *Stock]{Pattern: "POST /x", Keyed: true}
	acted := 0
	route.Handle(mux, func(ctx context.Context, _ endpoint.None) (*Stock, error) {
		acted++
		r := call.Of(ctx)
		if r.From != "" || r.Priority != 0 || r.RequestID != "r-1" || r.Attempt != 0 {
			t.Errorf("%+v", r)
		}
		return &Stock{Available: acted}, nil
	})
	caller := rest.Remote("http://10.0.0.1", &http.Client{Transport: inProcess{mux}})
	for range 2 {
		ctx := call.With(t.Context(), call.Record{IdempotencyKey: "k", RequestID: "r-1", From: "web", Priority: 7})
		if got, err := route.Endpoint(caller)(ctx, endpoint.None{}); err != nil || got.Available != 1 {
			t.Errorf("%+v, %v", got, err)
		}
	}
}
