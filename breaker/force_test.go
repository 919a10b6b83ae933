package breaker_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
)

func TestACircuitForcedOpenAdmitsNoCallUntilItIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{})
		c.ForceOpen()
		for range 3 {
			_, err := c.Allow(t.Context())
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != fault.Unavailable || f.Reason != "breaker_open" || !f.Unprocessed || f.RetryAfter != 5*time.Second {
				t.Errorf("refused with %#v", err)
			}
			if !strings.Contains(err.Error(), "orders is held open by hand") {
				t.Error(err)
			}
			if s := c.Snapshot(); s.State != breaker.Open || !s.Forced || c.State() != breaker.Open {
				t.Errorf("%+v", s)
			}
			if err := c.Set(breaker.Policy{Disabled: true}); err != nil {
				t.Fatal(err)
			}
			bubble.Sleep(time.Hour)
		}
		if err := c.Set(breaker.Policy{}); err != nil {
			t.Fatal(err)
		}
		c.Release()
		if s := c.Snapshot(); s.State != breaker.HalfOpen || s.Forced {
			t.Errorf("released: %+v", s)
		}
		calls(c, 3, nil)
		if got := c.State(); got != breaker.Closed {
			t.Errorf("%s after three good probes", got)
		}
	})
}

func TestACircuitForcedClosedAdmitsAllCallsAndCounts(t *testing.T) {
	c := breaker.New("orders", breaker.Policy{FailurePercent: 60})
	mixed(c, 15) // looked at, and well enough
	c.ForceClosed()
	for range 100 {
		if !callOnce(c, 0, errFailed) {
			t.Fatal("refused")
		}
	}
	if s := c.Snapshot(); s.State != breaker.Closed || !s.Forced || s.FailureCount != 115 {
		t.Errorf("%+v", s)
	}
	c.Release()
	if s := c.Snapshot(); s.State != breaker.Closed || s.Forced {
		t.Errorf("released: %+v", s)
	}
	calls(c, 1, nil)
	if got := c.State(); got != breaker.Open {
		t.Errorf("%s although 115 of 131 have failed", got)
	}
	c.ForceClosed()
	if !callOnce(c, 0, nil) || c.State() != breaker.Closed {
		t.Error("an open circuit was not closed by hand")
	}
}

func TestAGroupDoesNotDropForcedOrObservedCircuits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := breaker.NewGroup("tenants", breaker.Policy{})
		g.Get("open").ForceOpen()
		g.Get("closed").ForceClosed()
		_ = g.Get("followed").Changes(t.Context())
		for i := range 200 {
			calls(g.Get(string(rune('a'+i))), 1, nil)
		}
		if err := g.Set(breaker.Policy{MinCalls: 2}); err != nil {
			t.Fatal(err)
		}
		bubble.Sleep(time.Hour)
		g.Get("new")
		left := map[string]breaker.Snapshot{}
		for _, s := range g.Snapshot() {
			left[s.ID] = s
		}
		if len(left) != 4 || left["tenants/open"].State != breaker.Open || !left["tenants/closed"].Forced {
			t.Errorf("%v", left)
		}
	})
}
