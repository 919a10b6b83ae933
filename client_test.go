package sinew_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestClientRepeatsOnAnotherInstanceAndOpensItsBreaker(t *testing.T) {
	var good, bad atomic.Int64
	answer := func(n *atomic.Int64, status int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			n.Add(1)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{}`))
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	shop := servicetest.New(t, sinew.Config{
		Static:  map[string][]string{"inventory": {answer(&good, 200), answer(&bad, 503)}, "broken": {answer(&bad, 500)}},
		Clients: map[string]sinew.ClientPolicy{"broken": {Breaker: breaker.Consecutive, Retry: retry.Policy{Disabled: true}}},
	})
	get := api.GetStock.Endpoint(shop.Client("inventory"))
	for range 50 {
		if _, err := get(t.Context(), &api.StockRequest{ProductID: "p-1"}); err != nil {
			t.Fatal(err)
		}
	}
	if bad.Load() == 0 || good.Load() != 50 {
		t.Errorf("%d good and %d bad attempts", good.Load(), bad.Load())
	}
	bad.Store(0)
	get = api.GetStock.Endpoint(shop.Client("broken"))
	var err error
	for range 20 {
		_, err = get(t.Context(), &api.StockRequest{ProductID: "p-1"})
	}
	var f *fault.Error
	if bad.Load() != 5 || !errors.As(err, &f) || f.Reason != "breaker_open" || !strings.Contains(f.Message, "broken") {
		t.Errorf("%d attempts, %v", bad.Load(), err)
	}
	if err := shop.Client("broken").Set(sinew.ClientPolicy{Timeout: -1}); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "broken") {
		t.Errorf("an invalid policy: %v", err)
	}
}

func TestACallWithoutInstancesNamesTheService(t *testing.T) {
	shop := servicetest.New(t, sinew.Config{})
	_, err := api.GetStock.Endpoint(shop.Client("nobody"))(t.Context(), &api.StockRequest{ProductID: "p-1"})
	if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "nobody") {
		t.Error(err)
	}
	if err := shop.Client("nobody").Ready(t.Context()); !errors.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

func TestCallsHaveADeadlineThatIsOurOwn(t *testing.T) {
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hang.Close()
	shop := servicetest.New(t, sinew.Config{
		Static:  map[string][]string{"inventory": {hang.URL}},
		Clients: map[string]sinew.ClientPolicy{"inventory": {Timeout: 50 * time.Millisecond}},
	})
	_, err := api.GetStock.Endpoint(shop.Client("inventory"))(t.Context(), &api.StockRequest{ProductID: "p-1"})
	if !errors.Is(err, fault.DeadlineExceeded) || fault.Judge(t.Context(), err).Outcome() != fault.Failure {
		t.Error(err)
	}
}

func TestClientPolicyReadsFromJSON(t *testing.T) {
	var p sinew.ClientPolicy
	text := `{"timeout":"2s","retry":{"attempts":5,"backoff":"1s"},"breaker":{"timeout":"3s"},"balance":{"algorithm":"round_robin","ejection":{"period":"9s"}}}`
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	if p.Timeout != 2*time.Second || p.Retry.Backoff != time.Second || p.Breaker.Timeout != 3*time.Second || p.Balance.Ejection.Period != 9*time.Second {
		t.Errorf("%+v", p)
	}
	if err := json.Unmarshal([]byte(`{"retry":{"attemts":5}}`), &p); err == nil {
		t.Error("an unknown setting was taken")
	}
}

func TestAClientShowsWhatItKnowsAndLogsItsBreaker(t *testing.T) {
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
	defer down.Close()
	var log strings.Builder
	shop := servicetest.New(t, sinew.Config{
		Logger:  slog.New(slog.NewJSONHandler(&log, nil)),
		Static:  map[string][]string{"inventory": {down.URL}},
		Clients: map[string]sinew.ClientPolicy{"inventory": {Breaker: breaker.Consecutive, Retry: retry.Policy{Disabled: true}}},
	})
	ask := api.GetStock.Endpoint(shop.Client("inventory"))
	for range 6 {
		_, _ = ask(t.Context(), &api.StockRequest{ProductID: "p-1"})
	}
	s := shop.Client("inventory").Snapshot()
	if s.Service != "inventory" || s.Breaker.State != breaker.Open || len(s.Balance.Instances) != 1 || s.Balance.Instances[0].Endpoint != down.URL {
		t.Errorf("%+v", s)
	}
	text, err := json.Marshal(s)
	if err != nil || !strings.Contains(string(text), `"breaker":{"id":`) || !strings.Contains(string(text), `"balance":{"service":"inventory"`) {
		t.Errorf("%s %v", text, err)
	}
	if err := shop.Shutdown(t.Context()); err != nil { // after it, everything is logged
		t.Fatal(err)
	}
	if line := log.String(); strings.Count(line, "breaker changed state") != 1 || !strings.Contains(line, `"client":"inventory","from":"closed","to":"open"`) {
		t.Error(line)
	}
}

func TestACallThatPanicsIsCountedAndFreesItsInstance(t *testing.T) {
	spans := &tracing.Recorder{}
	shop := servicetest.New(t, sinew.Config{Tracer: spans, Static: map[string][]string{"inventory": {"http://127.0.0.1:1"}}})
	c := shop.Client("inventory")
	func() {
		defer func() { _ = recover() }()
		_ = c.Call(t.Context(), call.Operation{Name: "inventory.Get"}, func(context.Context, string) error { panic("no") })
	}()
	if s := c.Snapshot(); s.Balance.Instances[0].InFlight != 0 || s.Breaker.FailureCount != 1 {
		t.Errorf("%+v", s)
	}
	if all := spans.Spans(); len(all) != 1 || all[0].Tags["error"] == "" {
		t.Errorf("%+v", all)
	}
}

// thorough and brief are policies that differ in every setting.
var (
	thorough = sinew.ClientPolicy{
		Timeout: time.Hour, Retry: retry.Policy{Attempts: 4, Backoff: time.Millisecond, Budget: retry.Budget{Disabled: true}},
		Breaker: breaker.Policy{Disabled: true}, Balance: loadbalance.Policy{Algorithm: loadbalance.RoundRobin},
	}
	brief = sinew.ClientPolicy{Timeout: time.Minute, Retry: retry.Policy{Disabled: true}, Breaker: breaker.Consecutive}
)

func two(t *testing.T) *sinew.Client {
	shop := servicetest.New(t, sinew.Config{Static: map[string][]string{"inventory": {"http://10.0.0.1:80", "http://10.0.0.2:80"}}})
	return shop.Client("inventory")
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestCallsAreSentThroughTheConfiguredTransport(t *testing.T) {
	var asked string
	svc := sinew.New("web", sinew.Config{
		Static: map[string][]string{"stock": {"http://stock.test:80"}},
		Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			asked = r.URL.String()
			answer := httptest.NewRecorder()
			rest.WriteError(answer, fault.NotFound.Errorf("no such thing"))
			return answer.Result(), nil
		}),
	})
	defer func() { _ = svc.Shutdown(context.Background()) }()
	get := rest.Route[endpoint.None, endpoint.None]{Pattern: "GET /things"}.Endpoint(svc.Client("stock"))
	if _, err := get(t.Context(), endpoint.None{}); !errors.Is(err, fault.NotFound) || asked != "http://stock.test:80/things" {
		t.Errorf("asked %q, got %v", asked, err)
	}
}

func TestACallAllocatesLittle(t *testing.T) {
	reg := registry.NewMemory()
	for _, id := range []string{"i-1", "i-2", "i-3"} {
		if err := reg.Register(t.Context(), registry.Instance{ID: id, Name: "inventory", Endpoint: "http://10.0.0.1:80"}); err != nil {
			t.Fatal(err)
		}
	}
	c := servicetest.New(t, sinew.Config{Registry: reg}).Client("inventory")
	ctx := t.Context()
	op := call.Operation{Name: "GET /inventory/{product_id}", Safe: true}
	send := func(context.Context, string) error { return nil }
	call := func() {
		if err := c.Call(ctx, op, send); err != nil {
			t.Error(err)
		}
	}
	call() // the first waits for the registry
	if got := testing.AllocsPerRun(1000, call); got > 1 {
		t.Errorf("%v allocations of a call, want 1 at most", got)
	}
}

func BenchmarkClient(b *testing.B) {
	reg := registry.NewMemory()
	for i := range 10 {
		id := strconv.Itoa(i)
		if err := reg.Register(b.Context(), registry.Instance{ID: id, Name: "orders", Endpoint: "http://10.0.0.1" + id + ":80"}); err != nil {
			b.Fatal(err)
		}
	}
	svc := sinew.New("bench", sinew.Config{Registry: reg, Clients: map[string]sinew.ClientPolicy{"orders": {Timeout: time.Second}}})
	defer func() { _ = svc.Shutdown(context.Background()) }()
	c := svc.Client("orders")
	op := call.Operation{Name: "orders.Place", Safe: true}
	send := func(context.Context, string) error { return nil }
	ctx := context.Background()
	_ = c.Call(ctx, op, send)
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Call(ctx, op, send); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAClientMadeAfterShutdownLeavesNothingRunning(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	shop := servicetest.New(t, sinew.Config{})
	if err := shop.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if shop.Client("inventory") == nil {
		t.Error("there is no client")
	}
}
