package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

type everything struct {
	ID     string        `path:"id" json:"-"`
	Rest   string        `path:"rest" json:"-"`
	Tags   []string      `query:"tag" json:"-"`
	Limit  *int          `query:"limit" json:"-"`
	After  time.Duration `query:"after" json:"-"`
	Since  time.Time     `query:"since" json:"-"`
	Dry    bool          `query:"dry" json:"-"`
	Tenant string        `header:"X-Tenant" json:"-"`
	Name   string        `json:"name"`
	Nested []everything2 `json:"nested"`
}

type everything2 struct {
	N int `json:"n"`
}

func serve(t testing.TB, h http.Handler) (call.Caller, *httptest.Server) {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return rest.Remote(server.URL, server.Client()), server
}

func TestARequestArrivesAsItWasSent(t *testing.T) {
	route := rest.Route[*everything, endpoint.None]{Pattern: "PUT /a/{id}/b/{rest...}"}
	mux := http.NewServeMux()
	var got *everything
	route.Handle(mux, func(_ context.Context, r *everything) (endpoint.None, error) { got = r; return endpoint.None{}, nil })
	caller, _ := serve(t, mux)
	call := route.Endpoint(caller)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-zA-Z0-9 /%?#&=+.é~-]{1,10}`)
		sent := &everything{
			ID: text.Filter(func(id string) bool { return id != "/" }).Draw(t, "id"), Rest: text.Draw(t, "rest"), Tags: rapid.SliceOfN(text, 1, 3).Draw(t, "tags"),
			After: time.Duration(rapid.Int64().Draw(t, "after")), Since: time.Unix(rapid.Int64Range(1, 1e9).Draw(t, "since"), 0).UTC(),
			Dry: rapid.Bool().Draw(t, "dry"), Tenant: "acme", Name: rapid.String().Draw(t, "name"), Nested: []everything2{{1}},
		}
		sent.Name = strings.ToValidUTF8(sent.Name, "")
		if rapid.Bool().Draw(t, "limited") {
			sent.Limit = new(rapid.Int().Draw(t, "limit"))
		}
		if _, err := call(context.Background(), sent); err != nil {
			t.Fatalf("%+v: %v", sent, err)
		}
		if !reflect.DeepEqual(got, sent) {
			t.Fatalf("sent %+v, arrived %+v", sent, got)
		}
	})
}

func TestAPathVariableThatCannotTravelIsRefused(t *testing.T) {
	caller, server := serve(t, http.NewServeMux())
	server.Close() // nothing is sent
	call := Reserve.Endpoint(caller)
	for _, id := range []string{"", "/"} {
		_, err := call(t.Context(), &ReserveRequest{ProductID: id, Quantity: 1})
		if !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "product_id") {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestErrorsCrossTheWireAsThemselves(t *testing.T) {
	var next error
	mux := http.NewServeMux()
	Reserve.Handle(mux, func(context.Context, *ReserveRequest) (*Stock, error) { return nil, next })
	caller, _ := serve(t, mux)
	call := Reserve.Endpoint(caller)
	for code := fault.Canceled; code <= fault.Unauthenticated; code++ {
		sent := code.Errorf("why").WithReason("rule").WithDetail("n", "x").WithRetryAfter(1500 * time.Millisecond)
		if code == fault.Unavailable {
			sent = sent.WithRepeated()
		}
		next = sent
		_, err := call(t.Context(), &ReserveRequest{ProductID: "p", Quantity: 1})
		var got *fault.Error
		if !errors.Is(err, code) || !errors.As(err, &got) || got.Message != "why" || got.Reason != "rule" || got.Details["n"] != "x" ||
			got.RetryAfter != 1500*time.Millisecond || got.Repeated != sent.Repeated {
			t.Errorf("%v arrived as %#v", code, err)
		}
	}
}

func TestAnswersOfOtherImplementations(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    http.HandlerFunc
		want fault.Code
	}{
		{name: "bare 404", h: http.NotFound, want: fault.Unimplemented},
		{name: "proxy's 502", h: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, want: fault.Unavailable},
		{name: "html with 200", h: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, want: fault.Internal},
		{name: "redirect", h: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", 302) }, want: fault.Unknown},
		{name: "our own 404", h: rest.ProblemMux(http.NewServeMux()).ServeHTTP, want: fault.Unimplemented},
		{name: "cut off", h: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			_, _ = w.Write([]byte("{"))
			panic(http.ErrAbortHandler)
		}, want: fault.Unavailable},
		{name: "broken problem", h: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", fault.ProblemType)
			w.WriteHeader(503)
			_, _ = w.Write([]byte("{"))
		}, want: fault.Unavailable},
	} {
		caller, _ := serve(t, tt.h)
		_, err := Reserve.Endpoint(caller)(t.Context(), &ReserveRequest{ProductID: "p", Quantity: 1})
		if got := fault.CodeOf(err); got != tt.want || fault.IsUnprocessed(err) && tt.name != "our own 404" {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestRefusedConnectionIsUnprocessedAndHidesTheAddressFromCallers(t *testing.T) {
	_, err := Reserve.Endpoint(rest.Remote("http://127.0.0.1:1", &http.Client{Transport: &http.Transport{}}))(t.Context(), &ReserveRequest{ProductID: "p", Quantity: 1})
	if !errors.Is(err, fault.Unavailable) || !fault.IsUnprocessed(err) {
		t.Errorf("%v", err)
	}
	if text, _ := json.Marshal(fault.ProblemOf(err)); strings.Contains(string(text), "127.0.0.1") || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("%s; %v", text, err)
	}
}

// manualDeadline has a deadline far away, which counts as passed once it is cancelled.
type manualDeadline struct{ context.Context }

func (manualDeadline) Deadline() (time.Time, bool) { return farAway, true }

func (l manualDeadline) Err() error {
	if l.Context.Err() != nil {
		return context.DeadlineExceeded
	}
	return nil
}

var farAway = time.Now().Add(time.Hour)

func TestCallersDeadlineAndCancelTravel(t *testing.T) {
	mux := http.NewServeMux()
	arrived, gone := make(chan time.Duration, 1), make(chan error, 1)
	Reserve.Handle(mux, func(ctx context.Context, _ *ReserveRequest) (*Stock, error) {
		deadline, _ := ctx.Deadline()
		arrived <- time.Until(deadline)
		<-ctx.Done()
		gone <- ctx.Err()
		return nil, ctx.Err()
	})
	caller, _ := serve(t, mux)
	call := func(ctx context.Context, end func()) (left time.Duration, err error) {
		answered := make(chan error, 1)
		go func() {
			_, err := Reserve.Endpoint(caller)(ctx, &ReserveRequest{ProductID: "p", Quantity: 1})
			answered <- err
		}()
		select {
		case left = <-arrived:
		case err := <-answered:
			return 0, fmt.Errorf("it did not arrive: %w", err)
		}
		end()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler's context ended with %v", err)
		}
		return left, <-answered
	}
	ctx, end := context.WithCancel(t.Context())
	defer end()
	if left, err := call(manualDeadline{ctx}, end); fault.CodeOf(err) != fault.DeadlineExceeded || left <= 0 || left > time.Hour {
		t.Errorf("%v with %s left", err, left)
	}
	cancelled, give := context.WithCancelCause(t.Context())
	left, err := call(cancelled, func() { give(errors.New("changed my mind")) })
	if fault.CodeOf(err) != fault.Canceled || fault.Judge(cancelled, err).Outcome() != fault.Ignored || left > 0 {
		t.Errorf("cancelled: %v with %s left", err, left)
	}
}

func TestRedirectsAreFollowedForGetAndHeadOnly(t *testing.T) {
	var fetched []string
	mux := http.NewServeMux()
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/here", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/here", func(w http.ResponseWriter, r *http.Request) {
		fetched = append(fetched, r.Method)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	caller, _ := serve(t, mux)
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
		fetched = nil
		_, err := rest.Route[endpoint.None, endpoint.None]{Pattern: method + " /moved"}.Endpoint(caller)(t.Context(), endpoint.None{})
		if follows := method == "GET" || method == "HEAD"; (err == nil) != follows || (len(fetched) == 1 && fetched[0] == method) != follows {
			t.Errorf("%s: fetched by %q, %v", method, fetched, err)
		}
	}
	if _, err := (rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /loop"}).Endpoint(caller)(t.Context(), endpoint.None{}); err == nil || !strings.Contains(err.Error(), "10 redirects") {
		t.Errorf("a redirect to itself: %v", err)
	}
}

func TestMetadataTravels(t *testing.T) {
	var got http.Header
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { got = r.Header; w.WriteHeader(204) })
	caller, _ := serve(t, mux)
	ctx := call.With(t.Context(), call.Record{RequestID: "r-1", Priority: 3, IdempotencyKey: "k-1"})
	span := tracing.SpanContext{TraceID: tracing.TraceID{1}, SpanID: tracing.SpanID{2}, Sampled: true}
	route := rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /x", Keyed: true}
	if _, err := route.Endpoint(caller)(tracing.ContextWithSpan(ctx, span), endpoint.None{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		want string
	}{
		{name: "X-Request-Id", want: "r-1"},
		{name: "X-Request-Priority", want: "3"},
		{name: "Idempotency-Key", want: "k-1"},
		{name: "Traceparent", want: "00-01000000000000000000000000000000-0200000000000000-01"},
	} {
		if got.Get(c.name) != c.want {
			t.Errorf("%s: %q, want %q", c.name, got.Get(c.name), c.want)
		}
	}
	call.Of(ctx).Name = "another operation" // the record of the request that is being served
	if _, err := route.Endpoint(caller)(ctx, endpoint.None{}); err != nil || got.Get("Idempotency-Key") == "k-1" || got.Get("Idempotency-Key") == "" {
		t.Errorf("the key of the call that is served went along: %q (%v)", got.Get("Idempotency-Key"), err)
	}
}

func TestForwardPassesOnWhatItDoesNotUnderstand(t *testing.T) {
	var body, key string
	backend := http.NewServeMux()
	backend.HandleFunc("POST /inventory/{product_id}/reserve", func(w http.ResponseWriter, r *http.Request) {
		buffer := make([]byte, 100)
		n, _ := r.Body.Read(buffer)
		body, key = string(buffer[:n])+r.Header.Get("Content-Type")+r.URL.RawQuery+r.Header.Get("X-Tenant"), r.Header.Get("Idempotency-Key")
		w.Header().Set("X-Answer", "a")
		w.WriteHeader(418)
		_, _ = w.Write([]byte("tea"))
	})
	caller, _ := serve(t, backend)
	mux := http.NewServeMux()
	Reserve.Forward(mux, caller)
	w := ask(mux, "POST", "/inventory/p%2F1/reserve?a=b", "text/odd", "raw", "X-Tenant", "t", "Idempotency-Key", "k")
	if w.Code != 418 || w.Body.String() != "tea" || w.Header().Get("X-Answer") != "a" || body != "rawtext/odda=bt" || key != "k" {
		t.Errorf("%d %s %s; the backend got %q with key %q", w.Code, w.Body, w.Header(), body, key)
	}
	if w := ask(mux, "POST", "/inventory/p/reserve", "application/json", strings.Repeat("x", 2<<20)); problemOf(t, w).Status != 413 {
		t.Errorf("%d", w.Code)
	}
	gone := http.NewServeMux()
	Reserve.Forward(gone, rest.Remote("http://127.0.0.1:1", &http.Client{Transport: &http.Transport{}}))
	if w := ask(gone, "POST", "/inventory/p/reserve", "application/json", `{}`); problemOf(t, w).Status != 503 {
		t.Errorf("%d", w.Code)
	}
}
