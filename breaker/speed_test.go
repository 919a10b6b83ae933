package breaker_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/callctx"
)

// hot is a circuit in each state in which many calls may arrive.
func hot() map[string]*breaker.Circuit {
	all := map[string]*breaker.Circuit{
		"window":    breaker.New("orders", breaker.Policy{}),
		"doubtful":  breaker.New("orders", breaker.Policy{}),
		"row":       breaker.New("orders", breaker.Consecutive),
		"open":      breaker.New("orders", breaker.Policy{FailureThreshold: 1, Timeout: time.Hour}),
		"half open": breaker.New("orders", breaker.Policy{ProbeLease: time.Hour}),
		"by hand":   breaker.New("orders", breaker.Policy{}),
	}
	calls(all["doubtful"], 30, nil)
	calls(all["doubtful"], 5, errFailed)
	calls(all["open"], 1, errFailed)
	all["half open"].ForceOpen()
	all["half open"].Release()
	_, _ = all["half open"].Allow(context.Background()) // the only probe
	all["by hand"].ForceOpen()
	return all
}

func TestCallsAndRefusalsAllocateNothing(t *testing.T) {
	ctx := context.Background()
	for state, c := range hot() {
		if got := testing.AllocsPerRun(1000, func() {
			permit, _ := c.Allow(ctx)
			permit.Done(ctx, nil)
		}); got != 0 {
			t.Errorf("%s: %v allocations", state, got)
		}
	}
	failing := breaker.New("orders", breaker.Policy{FailureThreshold: 1 << 30})
	if got := testing.AllocsPerRun(1000, func() { calls(failing, 1, errFailed) }); got != 0 {
		t.Errorf("a failure: %v allocations", got)
	}
	next := func(context.Context, any) (any, error) { return nil, nil }
	ep := breaker.New("orders", breaker.Policy{}).Middleware()(next)
	if got := testing.AllocsPerRun(1000, func() { _, _ = ep(ctx, nil) }); got != 0 {
		t.Errorf("middleware: %v allocations", got)
	}
	tenant := "acme"
	of := breaker.NewGroup("tenants", breaker.Policy{}).Middleware(func(context.Context, any) string { return tenant })(next)
	if got := testing.AllocsPerRun(1000, func() { _, _ = of(ctx, nil) }); got != 0 {
		t.Errorf("a group's middleware: %v allocations", got)
	}
}

func TestACallWithAReadingOfTheClockMakesNoOther(t *testing.T) {
	for name, p := range map[string]breaker.Policy{"window": {SlowCall: time.Second, MinCalls: 1}, "row": {FailureThreshold: 1}} {
		c := breaker.New("orders", p)
		ahead := time.Now().Add(time.Minute)
		callAt := func(at time.Time) context.Context {
			return callctx.Begin[struct{}](t.Context(), call.Operation{}, at, at.Add(time.Hour))
		}
		permit, err := c.Allow(callAt(ahead))
		if err != nil {
			t.Fatal(err)
		}
		permit.Done(callAt(ahead.Add(3*time.Second)), nil)
		if s := c.Snapshot(); s.Statistics.AverageResponseTime != 3*time.Second || (s.State == breaker.Open) != (name == "window") {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestATimeoutOfOurOwnIsNotTheCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 1})
		limited, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		ctx, made := callctx.With(limited, call.Record{})
		made.SetCaller(t.Context())
		permit, err := c.Allow(ctx)
		if err != nil {
			t.Fatal(err)
		}
		<-ctx.Done()
		permit.Done(ctx, ctx.Err())
		if got := c.State(); got != breaker.Open {
			t.Errorf("%s after a time limit of our own", got)
		}
	})
}

func TestWithAFailureThresholdAllSuccessesAreCountedAndSomeAreTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 5})
		for range 1000 {
			callOnce(c, 20*time.Millisecond, nil)
		}
		s := c.Snapshot()
		if s.Statistics.TotalRequests != 1000 || s.Statistics.SuccessfulRequests != 1000 || s.Statistics.AverageResponseTime != 20*time.Millisecond {
			t.Errorf("%+v", s.Statistics)
		}
		if ago := time.Since(*s.LastSuccessTime); ago > 64*20*time.Millisecond {
			t.Errorf("the last sample is %s old", ago)
		}
		for range 4 {
			callOnce(c, 0, errFailed)
		}
		calls(c, 1, nil)
		for range 4 {
			callOnce(c, 0, errFailed)
		}
		if got := c.State(); got != breaker.Closed {
			t.Errorf("%s: a success that is not timed ends no row", got)
		}
	})
}

func BenchmarkAllowDone(b *testing.B) {
	ctx := context.Background()
	for state, c := range hot() {
		pair := func() {
			permit, _ := c.Allow(ctx)
			permit.Done(ctx, nil)
		}
		b.Run(state+"/serial", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				pair()
			}
		})
		b.Run(state+"/parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					pair()
				}
			})
		})
	}
}
