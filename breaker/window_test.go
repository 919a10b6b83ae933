package breaker_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/breaker"
)

// mixed makes n failing calls, never two in a row.
func mixed(c breaker.Breaker, n int) {
	for range n {
		calls(c, 1, errFailed)
		calls(c, 1, nil)
	}
}

func TestASuccessMayOpenACircuitOnceItsGoodCallsAreOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{FailurePercent: 45})
		calls(c, 10, nil)
		bubble.Sleep(5 * time.Second)
		mixed(c, 20) // 20 of 50
		for at := 5 * time.Second; at < 10*time.Second; at += 500 * time.Millisecond {
			if got := c.State(); got != breaker.Closed {
				t.Fatalf("%s after %s", got, at)
			}
			bubble.Sleep(500 * time.Millisecond)
			if at == 7*time.Second {
				calls(c, 1, nil) // 20 of 51
			}
		}
		calls(c, 1, nil) // 20 of 42
		if got := c.State(); got != breaker.Open {
			t.Errorf("%s although 20 of 42 in the window have failed", got)
		}
	})
}

func TestAStricterPolicyAppliesFromTheNextCall(t *testing.T) {
	c := breaker.New("orders", breaker.Policy{FailurePercent: 60})
	mixed(c, 15)
	if err := c.Set(breaker.Policy{FailurePercent: 40}); err != nil || c.State() != breaker.Closed {
		t.Fatalf("%s %v", c.State(), err)
	}
	calls(c, 1, nil)
	if got := c.State(); got != breaker.Open {
		t.Errorf("%s although 15 of 31 have failed", got)
	}
}

func TestMoreProbesAreAllowedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 1})
		calls(c, 1, errFailed)
		bubble.Sleep(time.Second)
		for i, want := range []bool{true, false, false, true, false} {
			if _, err := c.Allow(t.Context()); (err == nil) != want {
				t.Errorf("probe %d: %v", i, err)
			}
			if i == 2 {
				if err := c.Set(breaker.Policy{FailureThreshold: 1, MaxRequests: 2}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestALeaseEndsAtItsLastNanosecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 1, SuccessThreshold: 1, SlowCall: time.Hour, ProbeLease: time.Second})
		for _, tt := range []struct {
			after time.Duration
			ends  breaker.State
		}{{time.Second - 1, breaker.Closed}, {time.Second, breaker.HalfOpen}} {
			calls(c, 1, errFailed)
			bubble.Sleep(time.Second)
			lost, err := c.Allow(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			bubble.Sleep(tt.after)
			if _, err := c.Allow(t.Context()); (err == nil) != (tt.ends == breaker.HalfOpen) {
				t.Errorf("another probe after %s: %v", tt.after, err)
			}
			lost.Done(t.Context(), nil)
			if got := c.State(); got != tt.ends {
				t.Errorf("%s by the success of a probe after %s", got, tt.after)
			}
		}
	})
}
