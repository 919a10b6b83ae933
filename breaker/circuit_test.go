package breaker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

var errFailed = fault.Internal.Errorf("it broke")

func callOnce(c breaker.Breaker, took time.Duration, err error) bool {
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
		callOnce(c, 0, err)
	}
}

func TestAFailurePercentOpensAtItsShareOfTwenty(t *testing.T) {
	for _, tt := range []struct {
		good, bad int
		want      breaker.State
	}{
		{0, 19, breaker.Closed}, {0, 20, breaker.Open}, {10, 10, breaker.Open}, {11, 10, breaker.Closed}, {1, 18, breaker.Closed},
		{1000, 19, breaker.Closed}, {1000, 20, breaker.Closed}, // 20 of one moment
	} {
		c := breaker.New("orders", breaker.Policy{FailurePercent: 50})
		calls(c, tt.good, nil)
		calls(c, tt.bad, errFailed)
		if got := c.State(); got != tt.want {
			t.Errorf("%d good and %d bad calls: %s, want %s", tt.good, tt.bad, got, tt.want)
		}
	}
}

func TestASuccessThatFillsTheWindowOpensACircuitThatFailedEnough(t *testing.T) {
	c := breaker.New("orders", breaker.Policy{FailurePercent: 50})
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
			callOnce(c, 100*time.Millisecond, nil)
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
			bubble.Sleep(15 * time.Second)
			callOnce(c, 100*time.Millisecond, nil)
			if got := c.State(); got != breaker.Open {
				t.Fatalf("%s after a slow probe", got)
			}
		}
	})
}

func TestOldCallsDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{FailurePercent: 50})
		calls(c, 19, errFailed)
		bubble.Sleep(10*time.Second + time.Millisecond)
		calls(c, 1, nil) // so that there are no 20 in a row
		calls(c, 18, errFailed)
		if got := c.State(); got != breaker.Closed {
			t.Errorf("calls of an old window counted: %s", got)
		}
		if got := c.Snapshot().FailureCount; got != 18 {
			t.Errorf("failure_count is %d", got)
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

func TestSetPreservesStateAndWindowAndRefusesAnInvalidPolicy(t *testing.T) {
	c := breaker.New("orders", breaker.Policy{FailurePercent: 50})
	calls(c, 19, errFailed)
	if err := c.Set(breaker.Policy{FailurePercent: 200, Timeout: -1}); !errors.Is(err, fault.InvalidArgument) {
		t.Fatalf("invalid policy: %v", err)
	}
	if got := c.Policy().FailurePercent; got != 50 {
		t.Errorf("a refused policy changed failure_percent to %d", got)
	}
	for _, window := range []time.Duration{time.Minute, 10 * time.Second} {
		if err := c.Set(breaker.Policy{FailurePercent: 50, Window: window}); err != nil {
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
	if err := c.Set(breaker.Policy{FailurePercent: 50, MinCalls: 30}); err != nil || c.State() != breaker.Open {
		t.Errorf("Set changed the state to %s (%v)", c.State(), err)
	}
	if err := c.Set(breaker.Policy{Disabled: true}); err != nil || c.State() != breaker.Closed || !callOnce(c, 0, errFailed) {
		t.Error("a disabled circuit does not let through")
	}
	calls(c, 100, errFailed)
	if got := c.State(); got != breaker.Closed {
		t.Errorf("a disabled circuit is %s", got)
	}
}

func TestInvalidPolicyPanicsAtConstructionNamingTheSetting(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); got != "breaker.New(orders): invalid_argument: max_requests: -1 is negative" {
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

func TestPolicySurvivesJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := func(name string) int { return rapid.Int().Draw(t, name) }
		length := func(name string) time.Duration { return time.Duration(rapid.Int64().Draw(t, name)) }
		p := breaker.Policy{
			FailureThreshold: number("failures"),
			SuccessThreshold: number("successes"),
			Timeout:          length("timeout"),
			MaxTimeout:       length("max timeout"),
			MaxRequests:      number("probes"),
			FailurePercent:   number("failure percent"),
			SlowPercent:      number("slow percent"),
			SlowCall:         length("slow call"),
			MinCalls:         number("min calls"),
			Window:           length("window"),
			ProbeLease:       length("lease"),
			Seed:             rapid.Uint64().Draw(t, "seed"),
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
