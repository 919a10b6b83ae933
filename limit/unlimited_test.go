package limit

import (
	"testing"
	"time"
)

func TestUnlimitedUntilAnOverloadIsSure(t *testing.T) {
	after := func(windows int, since time.Duration, mostInFlight float64) controller {
		c := newController()
		c.signs = overloadSigns{windows: windows, start: 10_100*ms - int64(since), mostInFlight: mostInFlight}
		return c
	}
	paused := after(5, time.Second, 400)
	paused.pause.until = 10_200 * ms
	stalled := after(5, 900*time.Millisecond, 400)
	check(t, []transition{
		{
			name:   "calls are answered in time",
			before: after(0, 0, 0), window: served(100, 10*time.Millisecond, 10),
			phase: Unlimited,
		},
		{
			name:   "calls are late in one window",
			before: after(0, 0, 0), window: served(100, 450*time.Millisecond, 400),
			phase: Unlimited,
		},
		{
			name:   "calls are late in three windows, but for less than half a second",
			before: after(2, 400*time.Millisecond, 400), window: served(100, 450*time.Millisecond, 400),
			phase: Unlimited,
		},
		{
			name:   "calls are late for half a second",
			before: after(2, 500*time.Millisecond, 400), window: served(100, 450*time.Millisecond, 400),
			phase: Trial, limit: 51, reason: CallsLate,
		},
		{
			name:   "calls are late, and fewer are in flight than the limit would be",
			before: after(2, time.Second, 50), window: served(100, 450*time.Millisecond, 50),
			phase: Unlimited,
		},
		{
			name:   "calls are late, and the service works them off",
			before: after(2, time.Second, 1000), window: served(100, 450*time.Millisecond, 400),
			phase: Unlimited,
		},
		{
			name:   "calls are late soon after a failed trial",
			before: paused, window: served(100, 450*time.Millisecond, 400),
			phase: Unlimited,
		},
		{
			name:   "no call is served for less than twice the wait",
			before: stalled, window: expired(100, 500*time.Millisecond, 400),
			phase: Unlimited,
		},
		{
			name:   "no call is served for twice the wait",
			before: after(5, time.Second, 400), window: expired(100, 500*time.Millisecond, 400),
			phase: Trial, limit: 5, reason: CallsLate,
		},
		{
			name:   "calls pile up in one window",
			before: after(0, 0, 0), window: pilingUp(served(100, 100*time.Millisecond, 400)),
			phase: Unlimited,
		},
		{
			name:   "calls pile up in two windows",
			before: after(1, 0, 300), window: pilingUp(served(100, 100*time.Millisecond, 400)),
			phase: Trial, limit: 51, reason: CallsPileUp,
		},
		{
			name:   "calls pile up and are late",
			before: after(1, 0, 300), window: pilingUp(served(100, 450*time.Millisecond, 400)),
			phase: Trial, limit: 51, reason: CallsLate,
		},
		{
			name:   "the callee refuses a third in two windows",
			before: after(1, time.Second, 80), window: shedding(50, served(100, 10*time.Millisecond, 80)),
			phase: Unlimited,
		},
		{
			name:   "the callee refuses a third in three windows",
			before: after(2, time.Second, 80), window: shedding(50, served(100, 10*time.Millisecond, 80)),
			phase: Steering, limit: 40, reason: CalleeRefuses,
		},
		{
			name:   "the callee refuses a quarter",
			before: after(2, time.Second, 80), window: shedding(33, served(100, 10*time.Millisecond, 80)),
			phase: Unlimited,
		},
	})
}
