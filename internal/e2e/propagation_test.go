package e2e_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// headerRecorder is a server that fails the first attempts of each call and records their
// headers.
type headerRecorder struct {
	*httptest.Server
	mu  sync.Mutex
	all []http.Header
}

func newHeaderRecorder(t *testing.T, failures int) *headerRecorder {
	l := &headerRecorder{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all = append(l.all, r.Header.Clone())
		if len(l.all)%(failures+1) != 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(`{}`))
	}))
	t.Cleanup(l.Close)
	return l
}

// values returns one header of all attempts.
func (l *headerRecorder) values(name string) (values []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.all {
		values = append(values, h.Get(name))
	}
	return values
}

func TestRepeatsOfAKeyedCallSendTheSameKeyAndOtherCallsAnother(t *testing.T) {
	l := newHeaderRecorder(t, 2)
	shop := servicetest.New(t, sinew.Config{
		Static:  map[string][]string{"inventory": {l.URL}},
		Clients: map[string]sinew.ClientPolicy{"inventory": {Retry: retry.Policy{Budget: retry.Budget{Disabled: true}}}},
	})
	reserve := api.Reserve.Endpoint(shop.Client("inventory"))
	for range 2 {
		if _, err := reserve(t.Context(), &api.ReserveRequest{ProductID: "p-1", Quantity: 1}); err != nil {
			t.Fatal(err)
		}
	}
	given := call.With(t.Context(), call.Record{IdempotencyKey: "k-1"})
	if _, err := reserve(given, &api.ReserveRequest{ProductID: "p-1", Quantity: 1}); err != nil {
		t.Fatal(err)
	}
	keys := l.values("Idempotency-Key")
	if each := slices.Compact(slices.Clone(keys)); len(keys) != 9 || len(each) != 3 || each[0] == "" || each[2] != "k-1" || slices.Contains(each[:2], "k-1") {
		t.Errorf("three calls of three attempts had the keys %q", keys)
	}
	if marks := l.values("X-Request-Attempt"); !slices.Equal(marks[:3], []string{"", "2", "3"}) {
		t.Errorf("attempts are marked %q", marks)
	}
}

func TestACallThatIsNotSafeIsNotRepeatedOnceItRan(t *testing.T) {
	l := newHeaderRecorder(t, 2)
	shop := servicetest.New(t, sinew.Config{Static: map[string][]string{"inventory": {l.URL}}})
	_, err := rest.Route[endpoint.None, endpoint.None]{Pattern: "POST /orders"}.Endpoint(shop.Client("inventory"))(t.Context(), endpoint.None{})
	if keys := l.values("Idempotency-Key"); err == nil || !slices.Equal(keys, []string{""}) {
		t.Errorf("attempts with the keys %q: %v", keys, err)
	}
}

func TestRepeatsBelongToOneRequestAndOneSpan(t *testing.T) {
	l := newHeaderRecorder(t, 2)
	spans := &tracing.Recorder{}
	shop := servicetest.New(t, sinew.Config{Tracer: spans, Static: map[string][]string{"inventory": {l.URL}}})
	ctx, root := spans.Start(t.Context(), "root", tracing.Internal)
	ctx = call.With(ctx, call.Record{RequestID: "r-1"})
	if _, err := api.GetStock.Endpoint(shop.Client("inventory"))(ctx, &api.StockRequest{ProductID: "p-1"}); err != nil {
		t.Fatal(err)
	}
	all := spans.Spans()
	if len(all) != 1 || all[0].Kind != tracing.Client || all[0].ParentID != root.Context().SpanID {
		t.Fatalf("spans %+v", all)
	}
	parent := "00-" + root.Context().TraceID.String() + "-" + all[0].SpanID.String() + "-01"
	for _, c := range []struct {
		name string
		want string
	}{
		{name: "Traceparent", want: parent},
		{name: "X-Request-Id", want: "r-1"},
		{name: "X-Service-Name", want: "shop"},
	} {
		if got := l.values(c.name); !slices.Equal(got, []string{c.want, c.want, c.want}) {
			t.Errorf("%s: %q, want %s", c.name, got, c.want)
		}
	}
}

func TestTheDeadlineShrinksFromHopToHopAndFromAttemptToAttempt(t *testing.T) {
	l := newHeaderRecorder(t, 2)
	order := sinew.New("order", servicetest.Local(sinew.Config{
		Static:  map[string][]string{"inventory": {l.URL}},
		Clients: map[string]sinew.ClientPolicy{"inventory": {Timeout: time.Hour, Retry: retry.Policy{Backoff: 10 * time.Millisecond}}},
	}))
	ask := api.GetStock.Endpoint(order.Client("inventory"))
	left := make(chan time.Duration, 1)
	api.GetStock.Handle(order, func(ctx context.Context, r *api.StockRequest) (*api.Inventory, error) {
		at, _ := ctx.Deadline()
		left <- time.Until(at)
		return ask(ctx, r)
	})
	servicetest.Start(t, order)
	shop := servicetest.New(t, sinew.Config{
		Static:  map[string][]string{"order": {order.URL()}},
		Clients: map[string]sinew.ClientPolicy{"order": {Timeout: time.Minute}},
	})
	if _, err := api.GetStock.Endpoint(shop.Client("order"))(t.Context(), &api.StockRequest{ProductID: "p-1"}); err != nil {
		t.Fatal(err)
	}
	before := <-left
	if before <= 0 || before >= time.Minute {
		t.Errorf("the first hop has %s of a minute", before)
	}
	for n, text := range l.values("X-Request-Timeout") {
		now, err := time.ParseDuration(text)
		if err != nil || now <= 0 || now > before || n > 0 && now == before {
			t.Errorf("attempt %d has %q after %s: %v", n+1, text, before, err)
		}
		before = now
	}
}
