package metrics_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/metrics"
)

func Example() {
	registry := prometheus.NewRegistry()
	red := metrics.New(registry)
	place := endpoint.New(func(_ context.Context, n int) (int, error) {
		if n == 0 {
			return 0, fault.InvalidArgument.Errorf("nothing to order")
		}
		return n, nil
	}).With(red.ClientMiddleware("orders.Place"))

	for n := range 3 {
		_, _ = place(context.Background(), n)
	}
	families, _ := registry.Gather()
	for _, f := range families {
		if f.GetName() != "sinew_client_requests_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			fmt.Println(m.GetLabel()[1].GetValue(), m.GetCounter().GetValue())
		}
	}
	// Output:
	// invalid_argument 1
	// ok 2
}

func TestSeriesHaveTheirNamesAndLabels(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := metrics.New(registry)
	m.Client("inventory", "POST /reserve").Observe(3*time.Millisecond, fault.NotFound)
	m.For("orders").Client("inventory", "POST /reserve").Observe(3*time.Millisecond, nil)
	m.Producer("orders", "order.placed").Observe(time.Millisecond, nil)
	m.Consumer("orders", "order.placed", "mailer").Observe(time.Millisecond, fault.Internal, 1, false)
	m.Consumer("orders", "order.placed", "mailer").Observe(time.Millisecond, nil, 2, true)
	m.Server("orders", "GET /orders").Observe(time.Second, nil)
	want := `
		# HELP sinew_client_requests_total Calls made, by result.
		# TYPE sinew_client_requests_total counter
		sinew_client_requests_total{caller="",code="not_found",operation="POST /reserve",service="inventory"} 1
		sinew_client_requests_total{caller="orders",code="ok",operation="POST /reserve",service="inventory"} 1
		# HELP sinew_consumer_events_total Events handled, by result.
		# TYPE sinew_consumer_events_total counter
		sinew_consumer_events_total{code="internal",group="mailer",service="orders",topic="order.placed"} 1
		sinew_consumer_events_total{code="ok",group="mailer",service="orders",topic="order.placed"} 1
		# HELP sinew_consumer_redeliveries_total Deliveries of events that were not the first to their group.
		# TYPE sinew_consumer_redeliveries_total counter
		sinew_consumer_redeliveries_total{group="mailer",service="orders",topic="order.placed"} 1
		# HELP sinew_consumer_dead_letters_total Events that were put aside.
		# TYPE sinew_consumer_dead_letters_total counter
		sinew_consumer_dead_letters_total{group="mailer",service="orders",topic="order.placed"} 1
		# HELP sinew_producer_events_total Events published, by result.
		# TYPE sinew_producer_events_total counter
		sinew_producer_events_total{code="ok",service="orders",topic="order.placed"} 1
		# HELP sinew_server_requests_total Calls served, by result.
		# TYPE sinew_server_requests_total counter
		sinew_server_requests_total{code="ok",operation="GET /orders",service="orders"} 1
	`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"sinew_client_requests_total", "sinew_server_requests_total", "sinew_producer_events_total", "sinew_consumer_events_total",
		"sinew_consumer_redeliveries_total", "sinew_consumer_dead_letters_total"); err != nil {
		t.Error(err)
	}
	if count, sum, native := durations(t, registry, "server"); count != 1 || sum != 1 || !native {
		t.Errorf("%d durations of %v s, native: %v", count, sum, native)
	}
}

// durations returns what the first histogram of one kind of series has recorded.
func durations(t *testing.T, g prometheus.Gatherer, side string) (count uint64, sum float64, native bool) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "sinew_"+side+"_request_duration_seconds" {
			h := f.GetMetric()[0].GetHistogram()
			return h.GetSampleCount(), h.GetSampleSum(), h.Schema != nil
		}
	}
	t.Fatal("no duration")
	return 0, 0, false
}

func TestACallThatPanicsIsCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	call := endpoint.New(func(context.Context, int) (int, error) { panic("x") }).With(metrics.New(registry).ClientMiddleware("orders.Place"))
	func() {
		defer func() { _ = recover() }()
		_, _ = call(t.Context(), 1)
	}()
	want := `
		# HELP sinew_client_requests_total Calls made, by result.
		# TYPE sinew_client_requests_total counter
		sinew_client_requests_total{caller="",code="internal",operation="Place",service="orders"} 1
	`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "sinew_client_requests_total"); err != nil {
		t.Error(err)
	}
}

func TestMiddlewareObservesHowLongACallTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		ep := endpoint.New(func(context.Context, int) (int, error) { bubble.Sleep(3 * time.Second); return 0, fault.NotFound }).
			With(metrics.New(registry).ClientMiddleware("orders.Get"))
		_, _ = ep(t.Context(), 1)
		if count, sum, _ := durations(t, registry, "client"); count != 1 || sum != 3 {
			t.Errorf("a call of 3 s was observed as %d of %v s", count, sum)
		}
	})
}

func TestNumberOfSeriesIsBounded(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := metrics.New(registry)
	for i := range 100_000 {
		m.Client(fmt.Sprint("10.0.0.1:", i), fmt.Sprint("GET /", i, "\xff")).Observe(0, fault.Code(i))
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := 0
	for _, f := range families {
		series += len(f.GetMetric())
	}
	if series > 3000 {
		t.Errorf("%d series", series)
	}
	if got := testutil.ToFloat64(counterOf(t, registry, "other")); got < 1 {
		t.Errorf("the rest counts %v", got)
	}
}

// counterOf sums the counts of an operation.
func counterOf(t *testing.T, g prometheus.Gatherer, operation string) prometheus.Collector {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := prometheus.NewCounter(prometheus.CounterOpts{Name: "sum"})
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "operation" && l.GetValue() == operation {
					sum.Add(m.GetCounter().GetValue())
				}
			}
		}
	}
	return sum
}

func TestTwoPartsOfAProgramShareARegistry(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics.New(registry).Server("orders", "x").Observe(0, nil)
	metrics.New(registry).Server("orders", "x").Observe(0, nil)
	if got := testutil.ToFloat64(counterOf(t, registry, "x")); got != 2 {
		t.Errorf("%v counted, want 2", got)
	}
	taken := prometheus.NewRegistry()
	taken.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "sinew_client_requests_total"}))
	defer func() {
		if recover() == nil {
			t.Error("another's series of the same name was taken over")
		}
	}()
	metrics.New(taken)
}

func TestObserveAllocatesNothingAndIsSafeForConcurrentUse(t *testing.T) {
	m := metrics.New(prometheus.NewRegistry())
	r := m.Client("a", "b")
	r.Observe(time.Millisecond, nil)
	if got := testing.AllocsPerRun(1000, func() { r.Observe(time.Millisecond, nil) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				m.Server("s", fmt.Sprint(n%7)).Observe(time.Duration(i), fault.Code(n%20))
			}
		})
	}
	all.Wait()
}

func BenchmarkObserve(b *testing.B) {
	r := metrics.New(prometheus.NewRegistry()).Client("a", "b")
	b.ReportAllocs()
	for b.Loop() {
		r.Observe(time.Millisecond, nil)
	}
}
