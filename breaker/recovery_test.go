package breaker_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
)

func TestOpenTimeIsATwentyFourthOfTheOutageWhileProbesFailAndStartsAnewAfterClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const first = 250 * time.Millisecond
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 1})
		begun := time.Now()
		calls(c, 1, errFailed)
		for i := range 250 {
			longest := min(max(time.Since(begun)/24, first), 5*time.Second)
			_, err := c.Allow(t.Context())
			wait := fault.RetryAfter(err)
			if least := max(longest*3/4, first); wait < least-time.Millisecond || wait > longest {
				t.Errorf("opening %d lasts %s, want %s to %s", i+1, wait, least, longest)
			}
			bubble.Sleep(wait - time.Nanosecond)
			if callOnce(c, 0, nil) {
				t.Errorf("opening %d: admitted before its time was over", i+1)
			}
			bubble.Sleep(time.Nanosecond)
			if !callOnce(c, 0, errFailed) {
				t.Errorf("opening %d: no probe after its time", i+1)
			}
		}
		if lasted := time.Since(begun); lasted < time.Minute {
			t.Fatalf("250 openings in %s are none of the longest", lasted)
		}
		_, err := c.Allow(t.Context())
		bubble.Sleep(fault.RetryAfter(err))
		calls(c, 1, nil)
		if got := c.State(); got != breaker.Closed {
			t.Fatalf("%s after a good probe", got)
		}
		calls(c, 1, errFailed)
		if _, err := c.Allow(t.Context()); fault.RetryAfter(err) != first {
			t.Errorf("opens for %s after it had recovered", fault.RetryAfter(err))
		}
	})
}

func TestOpeningsOfManyCircuitsDoNotEndTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := map[time.Duration]bool{}
		for range 50 {
			c := breaker.New("orders", breaker.Policy{FailureThreshold: 1})
			calls(c, 1, errFailed)
			bubble.Sleep(10 * time.Second)
			calls(c, 1, errFailed) // from the second opening on
			_, err := c.Allow(t.Context())
			waits[fault.RetryAfter(err)] = true
		}
		if len(waits) < 2 {
			t.Errorf("50 circuits all open for %v", waits)
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
		bubble.Sleep(time.Minute - time.Nanosecond)
		if callOnce(c, 0, nil) {
			t.Fatal("admitted within 60 s")
		}
		bubble.Sleep(time.Nanosecond)
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

func TestACircuitNeverStaysOpen(t *testing.T) {
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
					bubble.Sleep(time.Second)
				}
			}
			bubble.Sleep(30 * time.Second) // the longest opening and the longest lease
			calls(c, 3, nil)
			if got := c.State(); got != breaker.Closed {
				t.Fatalf("%s although everything works", got)
			}
		})
	})
}

func TestRecoveryAfterAnOutageIsComplete(t *testing.T) {
	for name, tt := range map[string]struct {
		policy        breaker.Policy
		outage, whole time.Duration // since the start
		most          int           // calls that reach the failed callee
		fails         error
	}{
		// 26 failures open it, and 134 more make it sure if the callee answers. Then come
		// probes after a twenty-fourth of the outage: 24 until that is more than 120 ms; then each
		// pause is at least a thirty-second longer, until it is 5 s minus the jitter.
		"the zero policy":               {breaker.Policy{}, 10 * time.Second, 11250 * time.Millisecond, 26 + 24 + 47, errUnreached},
		"the zero policy, a long one":   {breaker.Policy{}, 10 * time.Minute, 10*time.Minute + 5*time.Second, 26 + 24 + 127 + 128, errUnreached},
		"the zero policy, answered":     {breaker.Policy{}, 10 * time.Second, 11250 * time.Millisecond, 160 + 24 + 47, errFailed},
		"five in a row":                 {breaker.Consecutive, 10 * time.Second, 61 * time.Second, 5, errFailed},
		"five in a row, longer outage":  {breaker.Consecutive, 90 * time.Second, 121 * time.Second, 6, errFailed},
		"an outage too short to notice": {breaker.Policy{}, 50 * time.Millisecond, 60 * time.Millisecond, 5, errFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := breaker.New("orders", tt.policy)
				reached, passed, asked := 0, 0, 0
				begun := time.Now()
				for time.Since(begun) < tt.whole+30*time.Second { // 100 calls a second
					var err error
					down := time.Since(begun) < tt.outage
					if down {
						err = tt.fails
					}
					ok := callOnce(c, 0, err)
					if ok && down {
						reached++
					}
					if time.Since(begun) >= tt.whole {
						asked++
						if ok {
							passed++
						}
					}
					bubble.Sleep(10 * time.Millisecond)
				}
				if reached > tt.most {
					t.Errorf("%d calls reached who was down, at most %d should", reached, tt.most)
				}
				if passed != asked {
					t.Errorf("%d of %d calls passed %s after the outage", passed, asked, tt.whole-tt.outage)
				}
			})
		})
	}
}
