package breaker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

var errFailed = fault.Internal.Errorf("it broke")

func call(c breaker.Breaker, took time.Duration, err error) bool {
	permit, refused := c.Allow(context.Background())
	if refused != nil {
		return false
	}
	if took > 0 {
		<-time.After(took)
	}
	permit.Done(context.Background(), err)
	return true
}

func calls(c breaker.Breaker, n int, err error) {
	for range n {
		call(c, 0, err)
	}
}

func TestZeroPolicyOpensAtHalfOfTwentyFailing(t *testing.T) {
	for _, tt := range []struct {
		good, bad int
		want      breaker.State
	}{
		{0, 19, breaker.Closed}, {0, 20, breaker.Open}, {10, 10, breaker.Open}, {11, 10, breaker.Closed}, {1, 18, breaker.Closed},
	} {
		c := breaker.New("orders", breaker.Policy{})
		calls(c, tt.good, nil)
		calls(c, tt.bad, errFailed)
		if got := c.State(); got != tt.want {
			t.Errorf("%d good and %d bad calls: %s, want %s", tt.good, tt.bad, got, tt.want)
		}
	}
}

func TestASuccessThatFillsTheWindowOpensACircuitThatFailedEnough(t *testing.T) {
	c := breaker.New("orders", breaker.Policy{})
	calls(c, 19, errFailed)
	calls(c, 1, nil)
	if got := c.State(); got != breaker.Open {
		t.Errorf("19 failures of 20: %s", got)
	}
}

func TestSlowCallsOpenEvenWhenTheySucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{SlowCall: 100 * time.Millisecond})
		for range 16 {
			call(c, 100*time.Millisecond, nil)
		}
		calls(c, 3, nil)
		if got := c.State(); got != breaker.Closed {
			t.Fatalf("%s below the least number of calls", got)
		}
		calls(c, 1, nil)
		if got := c.State(); got != breaker.Open {
			t.Errorf("16 slow of 20: %s", got)
		}
	})
}

func TestProbesThatAreSlowDoNotClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 1, SlowCall: 100 * time.Millisecond})
		calls(c, 1, errFailed)
		for range 10 {
			<-time.After(15 * time.Second)
			call(c, 100*time.Millisecond, nil)
			if got := c.State(); got != breaker.Open {
				t.Fatalf("%s after a slow probe", got)
			}
		}
	})
}

func TestCallsLeaveTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{})
		calls(c, 19, errFailed)
		<-time.After(10*time.Second + time.Millisecond)
		calls(c, 19, errFailed)
		if got := c.State(); got != breaker.Closed {
			t.Errorf("calls of an old window counted: %s", got)
		}
		if got := c.Snapshot().FailureCount; got != 19 {
			t.Errorf("failure_count is %d", got)
		}
	})
}

func TestOpenTimeDoublesWhileProbesFailAndStartsAnewAfterClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 1})
		calls(c, 1, errFailed)
		for i, longest := range []time.Duration{1, 2, 4, 8, 15, 15, 15} {
			longest *= time.Second
			_, err := c.Allow(t.Context())
			wait := fault.RetryAfter(err)
			if least := max(longest*3/4, time.Second); wait < least-time.Millisecond || wait > longest {
				t.Errorf("opening %d lasts %s, want %s to %s", i+1, wait, least, longest)
			}
			<-time.After(wait - time.Nanosecond)
			if call(c, 0, nil) {
				t.Errorf("opening %d: admitted before its time was over", i+1)
			}
			<-time.After(time.Nanosecond)
			if !call(c, 0, errFailed) {
				t.Errorf("opening %d: no probe after its time", i+1)
			}
		}
		_, err := c.Allow(t.Context())
		<-time.After(fault.RetryAfter(err))
		calls(c, 3, nil)
		if got := c.State(); got != breaker.Closed {
			t.Fatalf("%s after three good probes", got)
		}
		calls(c, 1, errFailed)
		if _, err := c.Allow(t.Context()); fault.RetryAfter(err) != time.Second {
			t.Errorf("opens for %s after it had recovered", fault.RetryAfter(err))
		}
	})
}

func TestConsecutiveIsFiveThreeSixtySecondsTen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Consecutive)
		calls(c, 4, errFailed)
		calls(c, 1, nil)
		calls(c, 4, errFailed)
		if got := c.State(); got != breaker.Closed {
			t.Fatalf("%s without five failures in a row", got)
		}
		calls(c, 1, errFailed)
		<-time.After(time.Minute - time.Nanosecond)
		if call(c, 0, nil) {
			t.Fatal("admitted within 60 s")
		}
		<-time.After(time.Nanosecond)
		var probes []breaker.Permit
		for range 11 {
			if p, err := c.Allow(t.Context()); err == nil {
				probes = append(probes, p)
			}
		}
		if len(probes) != 10 {
			t.Fatalf("%d probes at once, want 10", len(probes))
		}
		for i, p := range probes[:3] {
			if c.State() != breaker.HalfOpen {
				t.Fatalf("%s after %d successes", c.State(), i)
			}
			p.Done(t.Context(), nil)
		}
		if got := c.State(); got != breaker.Closed {
			t.Fatalf("%s after three successes", got)
		}
		for _, p := range probes[3:] {
			p.Done(t.Context(), errFailed)
		}
		if got := c.State(); got != breaker.Closed {
			t.Error("probes of an older era opened it")
		}
	})
}

func TestCallersDeadlineCountsOnlyWhenTheCallWasSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 1, SlowCall: time.Second})
		for _, tt := range []struct {
			deadline time.Duration
			want     breaker.State
		}{{10 * time.Millisecond, breaker.Closed}, {2 * time.Second, breaker.Open}} {
			ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
			permit, err := c.Allow(ctx)
			if err != nil {
				t.Fatal(err)
			}
			<-ctx.Done()
			permit.Done(ctx, ctx.Err())
			cancel()
			if got := c.State(); got != tt.want {
				t.Errorf("caller's deadline of %s: %s, want %s", tt.deadline, got, tt.want)
			}
		}
	})
}

func TestMiddlewareCountsAPanicAndLetsItPass(t *testing.T) {
	c := breaker.New("orders", breaker.Policy{FailureThreshold: 1})
	ep := endpoint.New(func(context.Context, int) (int, error) { panic("oops") }).With(c.Middleware())
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = ep(t.Context(), 1)
	}()
	if got := c.State(); got != breaker.Open {
		t.Errorf("%s after a panic", got)
	}
}

func TestListenersMayUseTheCircuitAndHearChangesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 1, SuccessThreshold: 1})
		var heard []breaker.State
		stop := c.OnChange(func(change breaker.Change) {
			heard = append(heard, change.To)
			c.Snapshot()
			c.State()
			call(c, 0, nil)
			if err := c.Set(c.Policy()); err != nil {
				t.Error(err)
			}
		})
		for range 3 {
			calls(c, 1, errFailed)
			<-time.After(time.Second)
			calls(c, 1, nil)
		}
		want := slices.Repeat([]breaker.State{breaker.Open, breaker.HalfOpen, breaker.Closed}, 3)
		if !slices.Equal(heard, want) {
			t.Errorf("heard %v", heard)
		}
		stop()
		calls(c, 1, errFailed)
		if len(heard) != len(want) {
			t.Error("heard a change after stop")
		}
	})
}

func TestSetKeepsStateAndWindowAndRefusesWholeWhatIsInvalid(t *testing.T) {
	c := breaker.New("orders", breaker.Policy{})
	calls(c, 19, errFailed)
	if err := c.Set(breaker.Policy{FailurePercent: 200, Timeout: -1}); !errors.Is(err, fault.InvalidArgument) {
		t.Fatalf("invalid policy: %v", err)
	}
	if got := c.Policy().FailurePercent; got != 50 {
		t.Errorf("a refused policy changed failure_percent to %d", got)
	}
	for _, window := range []time.Duration{time.Minute, 10 * time.Second} {
		if err := c.Set(breaker.Policy{Window: window}); err != nil {
			t.Fatal(err)
		}
		if got := c.Snapshot().FailureCount; got != 19 {
			t.Errorf("%d failures are left in a window of %s", got, window)
		}
	}
	calls(c, 1, errFailed)
	if got := c.State(); got != breaker.Open {
		t.Fatalf("the window was lost: %s", got)
	}
	if err := c.Set(breaker.Policy{MinCalls: 30}); err != nil || c.State() != breaker.Open {
		t.Errorf("Set changed the state to %s (%v)", c.State(), err)
	}
	if err := c.Set(breaker.Policy{Disabled: true}); err != nil || c.State() != breaker.Closed || !call(c, 0, errFailed) {
		t.Error("a disabled circuit does not let through")
	}
	calls(c, 100, errFailed)
	if got := c.State(); got != breaker.Closed {
		t.Errorf("a disabled circuit is %s", got)
	}
}

func TestInvalidPolicyPanicsAtConstructionNamingTheSetting(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); got != "breaker.New(orders): invalid argument: max_requests: -1 is negative" {
			t.Error(got)
		}
	}()
	breaker.New("orders", breaker.Policy{MaxRequests: -1})
}

func TestSnapshotIsTheCircuitBreakerDocument(t *testing.T) {
	c := breaker.New("orders", breaker.Consecutive)
	calls(c, 2, nil)
	calls(c, 1, errFailed)
	calls(c, 1, fault.DeadlineExceeded)
	text, err := json.Marshal(c.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	keys := func(v any) []string { return slices.Sorted(maps.Keys(v.(map[string]any))) }
	for _, tt := range []struct{ got, want []string }{
		{keys(doc), []string{"config", "failure_count", "id", "last_failure_time", "last_success_time", "service", "state", "statistics", "success_count"}},
		{keys(doc["config"]), []string{"failure_threshold", "max_requests", "success_threshold", "timeout"}},
		{keys(doc["statistics"]), []string{"average_response_time", "failed_requests", "last_reset_time", "successful_requests", "timeout_requests", "total_requests"}},
	} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("keys %v, want %v", tt.got, tt.want)
		}
	}
	var back breaker.Snapshot
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if back.FailureCount != 2 || back.Config.Timeout != time.Minute || back.Statistics.TotalRequests != 4 || back.Statistics.TimeoutRequests != 1 {
		t.Errorf("read back %+v", back)
	}
}

func TestPolicyComesBackFromItsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := breaker.Policy{
			FailureThreshold: rapid.IntRange(0, 100).Draw(t, "failures"),
			Timeout:          time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "timeout")),
			FailurePercent:   rapid.IntRange(0, 100).Draw(t, "percent"),
			Disabled:         rapid.Bool().Draw(t, "disabled"),
		}
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back breaker.Policy
		if err := json.Unmarshal(text, &back); err != nil || back != p {
			t.Fatalf("%s became %+v (%v)", text, back, err)
		}
	})
}

func TestCircuitNeverStaysShutWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 60).Draw(rt, "steps")
		synctest.Test(t, func(t *testing.T) {
			c := breaker.New("orders", breaker.Policy{FailureThreshold: 2, MaxRequests: 2})
			cancelled, cancel := context.WithCancel(t.Context())
			cancel()
			for _, step := range steps {
				permit, err := c.Allow(t.Context())
				switch {
				case err != nil || step == 0: // refused, or a call that never ends
				case step == 1:
					permit.Done(t.Context(), nil)
				case step == 2:
					permit.Done(cancelled, context.Canceled)
				default:
					permit.Done(t.Context(), errFailed)
				}
				if step == 5 {
					<-time.After(time.Second)
				}
			}
			<-time.After(30 * time.Second) // the longest opening and the longest lease
			calls(c, 3, nil)
			if got := c.State(); got != breaker.Closed {
				t.Fatalf("%s although everything works", got)
			}
		})
	})
}

func TestRecoveryAfterAnOutageIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{})
		passed, asked := 0, 0
		for at := range 60_000 { // 1000 calls a second
			var err error
			if at < 10_000 {
				err = errFailed
			}
			ok := call(c, 0, err)
			if at >= 30_000 {
				asked++
				if ok {
					passed++
				}
			}
			<-time.After(time.Millisecond)
		}
		if passed*100 < asked*99 {
			t.Errorf("%d of %d calls passed 20 s after the outage", passed, asked)
		}
	})
}

func TestAllowAndDoneAllocateNothing(t *testing.T) {
	c := breaker.New("orders", breaker.Policy{})
	ctx := context.Background()
	if got := testing.AllocsPerRun(1000, func() {
		permit, _ := c.Allow(ctx)
		permit.Done(ctx, nil)
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
	ep := c.Middleware()(func(context.Context, any) (any, error) { return nil, nil })
	if got := testing.AllocsPerRun(1000, func() { _, _ = ep(ctx, nil) }); got != 0 {
		t.Errorf("middleware: %v allocations", got)
	}
	open := breaker.New("orders", breaker.Policy{FailureThreshold: 1, Timeout: time.Hour})
	calls(open, 1, errFailed)
	if got := testing.AllocsPerRun(1000, func() { _, _ = open.Allow(ctx) }); got != 0 {
		t.Errorf("a refusal: %v allocations", got)
	}
}

func TestGroupForgetsIdleCircuits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := breaker.NewGroup("tenants", breaker.Policy{FailureThreshold: 1, Timeout: time.Hour})
		for i := range 10_000 {
			calls(g.Get(fmt.Sprint(i)), 1, nil)
		}
		calls(g.Get("broken"), 1, errFailed)
		<-time.After(11 * time.Minute)
		calls(g.Get("new"), 1, nil)
		if left := g.Snapshot(); len(left) != 2 || left[0].ID != "tenants/broken" || left[1].ID != "tenants/new" {
			t.Errorf("%d circuits are left", len(left))
		}
		<-time.After(2 * time.Hour) // the broken one's time is long over, and nobody asks for it
		for i := range 200 {
			calls(g.Get(fmt.Sprint(i)), 1, nil)
		}
		<-time.After(time.Minute)
		calls(g.Get("newest"), 1, nil)
		for _, s := range g.Snapshot() {
			if s.ID == "tenants/broken" {
				t.Error("an open circuit is kept for ever")
			}
		}
	})
}

func TestGroupKeepsKeysApartAndSetsThemAll(t *testing.T) {
	g := breaker.NewGroup("tenants", breaker.Policy{FailureThreshold: 1})
	ep := endpoint.New(func(context.Context, string) (string, error) { return "", errFailed }).
		With(g.Middleware(func(_ context.Context, request any) string { return request.(string) }))
	_, _ = ep(t.Context(), "acme")
	if _, err := ep(t.Context(), "globex"); !errors.Is(err, fault.Internal) {
		t.Errorf("globex pays for acme: %v", err)
	}
	if err := g.Set(breaker.Policy{FailurePercent: -1}); err == nil {
		t.Error("an invalid policy was taken")
	}
	if err := g.Set(breaker.Policy{Disabled: true}); err != nil || g.Get("acme").State() != breaker.Closed || !g.Get("later").Policy().Disabled {
		t.Errorf("Set did not reach all circuits: %v", err)
	}
}

func TestCircuitIsSafeForConcurrentUse(t *testing.T) {
	c := breaker.New("orders", breaker.Policy{MinCalls: 5, Timeout: time.Nanosecond, MaxTimeout: time.Nanosecond})
	defer c.OnChange(func(breaker.Change) { c.Snapshot() })()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := range 2000 {
				var err error
				if (n+i)%3 == 0 {
					err = errFailed
				}
				call(c, 0, err)
			}
		})
	}
	group.Wait()
}

func TestADisabledCircuitIsClosedHoweverItsLastCallsEnd(t *testing.T) {
	for range 2000 {
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 1})
		permit, err := c.Allow(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		both.Go(func() { permit.Done(t.Context(), errFailed) })
		both.Go(func() { _ = c.Set(breaker.Policy{Disabled: true}) })
		both.Wait()
		if got := c.State(); got != breaker.Closed {
			t.Fatalf("disabled, and %s", got)
		}
	}
}

func BenchmarkAllowDone(b *testing.B) {
	c := breaker.New("orders", breaker.Policy{})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		permit, _ := c.Allow(ctx)
		permit.Done(ctx, nil)
	}
}
