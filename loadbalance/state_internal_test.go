package loadbalance

import (
	"testing"
	"time"
)

func TestEachEjectionInARowIsLongerUpToTenPeriods(t *testing.T) {
	var n nodeHealth
	e := Policy{}.WithDefaults().Ejection
	now := time.Duration(0)
	for k := range 12 {
		n.eject(now, e)
		want := min(time.Duration(k+1), 10) * e.Period
		if got := time.Duration(n.ejectedUntil.Load()) - now; got != want {
			t.Errorf("ejection %d: got %s, want %s", k+1, got, want)
		}
		now += want
	}
	now += 10*e.Period + 1
	n.readmit(now)
	n.eject(now, e)
	if got := time.Duration(n.ejectedUntil.Load()) - now; got != e.Period {
		t.Errorf("after it worked for ten periods: got %s, want %s", got, e.Period)
	}
}

func TestAGoneNodeIsOutForHalfTheTimeForWhichItHasBeenGone(t *testing.T) {
	e := Policy{}.WithDefaults().Ejection
	for _, tt := range []struct{ gone, want time.Duration }{
		{0, e.Period / 5},
		{time.Second, e.Period / 5},
		{4 * time.Second, 2 * time.Second},
		{time.Minute, 30 * time.Second},
		{time.Hour, 10 * e.Period},
	} {
		n := nodeHealth{gone: true}
		n.eject(time.Hour, e)
		now := time.Hour + tt.gone
		n.eject(now, e)
		if got := time.Duration(n.ejectedUntil.Load()) - now; got != tt.want {
			t.Errorf("gone for %s: got %s, want %s", tt.gone, got, tt.want)
		}
	}
}
