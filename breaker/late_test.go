package breaker_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
)

func TestACircuitThatWasDisabledStartsWithItsFirstTimeout(t *testing.T) {
	for name, closes := range map[string]func(*breaker.Circuit, breaker.Policy){
		"set disabled": func(c *breaker.Circuit, p breaker.Policy) {
			p.Disabled = true
			_ = c.Set(p)
		},
		"disabled while held open": func(c *breaker.Circuit, p breaker.Policy) {
			c.ForceOpen()
			p.Disabled = true
			_ = c.Set(p)
			c.Release()
		},
		"held closed": func(c *breaker.Circuit, _ breaker.Policy) { c.ForceClosed() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := breaker.Policy{FailureThreshold: 1, Timeout: 100 * time.Millisecond}
				c := breaker.New("orders", p)
				for range 10 {
					calls(c, 1, errFailed)
					bubble.Sleep(5 * time.Second)
				}
				closes(c, p)
				bubble.Sleep(24 * time.Hour)
				c.Release()
				if err := c.Set(p); err != nil {
					t.Fatal(err)
				}
				calls(c, 1, errFailed)
				bubble.Sleep(100 * time.Millisecond)
				if got := c.State(); got != breaker.HalfOpen {
					t.Errorf("%s after the timeout of a first opening", got)
				}
			})
		})
	}
}

func TestANewWindowPreservesTheAgeOfCalls(t *testing.T) {
	for _, tt := range []struct {
		window time.Duration // the new one
		set    time.Duration // when
		gone   time.Duration // when the calls of the first second do not count any more
	}{
		{20 * time.Second, 9 * time.Second, 21 * time.Second},
		{time.Minute, 5 * time.Second, 61 * time.Second},
		{5 * time.Second, 2 * time.Second, 6 * time.Second},
		{5 * time.Second, 7 * time.Second, 7 * time.Second},
		{time.Second, 9 * time.Second, 9 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := breaker.New("orders", breaker.Policy{})
			mixed(c, 5)
			bubble.Sleep(tt.set)
			if err := c.Set(breaker.Policy{Window: tt.window}); err != nil {
				t.Fatal(err)
			}
			if got := c.Snapshot().FailureCount; (got == 5) != (tt.gone > tt.set) {
				t.Errorf("%+v: %d of 5 failures count at once", tt, got)
			}
			bubble.Sleep(tt.gone - tt.set)
			if got := c.Snapshot().FailureCount; got != 0 {
				t.Errorf("%+v: %d failures count yet", tt, got)
			}
		})
	}
}

func TestChangesOfTheWindowDoNotMakeCallsYounger(t *testing.T) {
	for _, every := range []time.Duration{50 * time.Millisecond, 300 * time.Millisecond, time.Second, 1700 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			c := breaker.New("orders", breaker.Policy{})
			mixed(c, 5)
			for n := 0; time.Duration(n)*every <= 12*time.Second; n++ {
				if err := c.Set(breaker.Policy{Window: []time.Duration{11 * time.Second, 10 * time.Second, 9700 * time.Millisecond}[n%3]}); err != nil {
					t.Fatal(err)
				}
				if got := c.Snapshot().FailureCount; got != 5 && time.Duration(n)*every < 8*time.Second {
					t.Errorf("every %s: %d of 5 failures after %s", every, got, time.Duration(n)*every)
				}
				bubble.Sleep(every)
			}
			if got := c.Snapshot().FailureCount; got != 0 {
				t.Errorf("changed every %s: %d failures count yet after %s", every, got, 12*time.Second)
			}
		})
	}
}

func TestAShorterWindowLosesNoRecentCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{FailurePercent: 50})
		bubble.Sleep(9999 * time.Millisecond)
		calls(c, 19, errFailed)
		if err := c.Set(breaker.Policy{FailurePercent: 50, Window: 200 * time.Millisecond, MinCalls: 15}); err != nil {
			t.Fatal(err)
		}
		calls(c, 1, nil)
		if got := c.State(); got != breaker.Open {
			t.Errorf("%s although 19 of the last 20 calls failed", got)
		}
	})
}

func TestProbesInFlightCountThroughEveryChangeOfState(t *testing.T) {
	p := breaker.Policy{FailureThreshold: 1, SuccessThreshold: 1, MaxRequests: 2, ProbeLease: time.Hour, SlowCall: time.Hour, MaxTimeout: time.Second}
	for name, transition := range map[string]func(*breaker.Circuit, breaker.Permit){
		"a probe fails": func(_ *breaker.Circuit, probe breaker.Permit) { probe.Done(context.Background(), errFailed) },
		"a probe succeeds": func(c *breaker.Circuit, probe breaker.Permit) {
			probe.Done(context.Background(), nil)
			calls(c, 1, errFailed)
		},
		"held open": func(c *breaker.Circuit, probe breaker.Permit) {
			c.ForceOpen()
			c.Release()
			probe.Done(context.Background(), errFailed)
		},
		"held closed": func(c *breaker.Circuit, probe breaker.Permit) {
			c.ForceClosed()
			c.Release()
			calls(c, 1, errFailed)
			probe.Done(context.Background(), errFailed)
		},
		"disabled": func(c *breaker.Circuit, probe breaker.Permit) {
			off := p
			off.Disabled = true
			_ = c.Set(off)
			_ = c.Set(p)
			calls(c, 1, errFailed)
			probe.Done(context.Background(), nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := breaker.New("orders", p)
				calls(c, 1, errFailed)
				bubble.Sleep(time.Second)
				hangs, err := c.Allow(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for range 10 {
					probe, err := c.Allow(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					if _, err := c.Allow(t.Context()); err == nil {
						t.Fatal("a third probe was let through")
					}
					transition(c, probe)
					bubble.Sleep(time.Second)
				}
				hangs.Done(t.Context(), nil) // of long ago: it changes nothing, but makes room
				if got := c.State(); got != breaker.HalfOpen {
					t.Fatalf("%s by a late result", got)
				}
				for i := range 3 {
					if _, err := c.Allow(t.Context()); (err == nil) != (i < 2) {
						t.Errorf("probe %d: %v", i, err)
					}
				}
			})
		})
	}
}

func TestEveryCallThatEndsIsCountedHoweverLate(t *testing.T) {
	for _, p := range []breaker.Policy{{}, {FailureThreshold: 1}} {
		synctest.Test(t, func(t *testing.T) {
			c := breaker.New("orders", p)
			var late []breaker.Permit
			for range 40 {
				permit, err := c.Allow(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				late = append(late, permit)
			}
			c.ForceOpen()
			for i, permit := range late {
				permit.Done(t.Context(), []error{nil, errFailed, context.Canceled, context.DeadlineExceeded}[i%4])
			}
			s := c.Snapshot()
			if s.Statistics.TotalRequests != 40 || s.Statistics.SuccessfulRequests != 10 || s.FailureCount != 0 {
				t.Errorf("%+v: %+v", p, s)
			}
		})
	}
}

func TestAForcedChangeStartsFromTheStateThatWasShown(t *testing.T) {
	for name, by := range map[string]func(*breaker.Circuit){
		"held open":   (*breaker.Circuit).ForceOpen,
		"held closed": (*breaker.Circuit).ForceClosed,
		"disabled":    func(c *breaker.Circuit) { _ = c.Set(breaker.Policy{Disabled: true}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				c := breaker.New("orders", breaker.Policy{FailureThreshold: 1})
				changes := c.Changes(ctx)
				calls(c, 1, errFailed)
				bubble.Sleep(time.Second)
				shown := c.State()
				by(c)
				cancel()
				heard := slices.Collect(changes)
				if len(heard) != 3 || heard[2].From != shown || shown != breaker.HalfOpen || heard[2].To != c.State() {
					t.Errorf("%+v", heard)
				}
				for i := range heard[1:] {
					if heard[i+1].From != heard[i].To {
						t.Errorf("%s is followed by a change from %s", heard[i].To, heard[i+1].From)
					}
				}
			})
		})
	}
}

func TestARefusalFollowsTheCurrentPolicy(t *testing.T) {
	c := breaker.New("orders", breaker.Policy{MaxTimeout: time.Hour})
	c.ForceOpen()
	_, _ = c.Allow(t.Context())
	if err := c.Set(breaker.Policy{MaxTimeout: 2 * time.Second}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Allow(t.Context()); fault.RetryAfter(err) != 2*time.Second {
		t.Errorf("to wait %s: %v", fault.RetryAfter(err), err)
	}
}

func TestTheCurrentPolicyMayBeSetAgain(t *testing.T) {
	for _, p := range []breaker.Policy{
		{}, breaker.Consecutive, {FailureThreshold: 1, Window: time.Second}, {FailurePercent: 50}, {SlowPercent: 10}, {SlowCall: time.Second},
		{FailureThreshold: 1, SlowCall: time.Second}, {SlowCall: time.Hour, SlowPercent: 1, ProbeLease: time.Second},
	} {
		c := breaker.New("orders", p)
		shown := c.Policy()
		if err := c.Set(shown); err != nil || c.Policy() != shown {
			t.Errorf("%+v: %v", shown, err)
		}
		slow := p.SlowCall
		if p.SlowPercent > 0 && slow == 0 {
			slow = 5 * time.Second
		}
		if shown.FailurePercent != p.FailurePercent || (shown.SlowPercent > 0) != (slow > 0 && p.FailureThreshold == 0) || shown.SlowCall != slow {
			t.Errorf("%+v is shown as %+v", p, shown)
		}
	}
}
