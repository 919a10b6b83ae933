package limit

import (
	"testing"
	"time"
)

func TestTrialFindsOutWhetherALimitMakesCallsFaster(t *testing.T) {
	// Calls took 400 ms before the trial, which passes below the geometric mean of that and
	// of the target latency, 141 ms.
	trying := func(change func(*controller)) controller {
		c := newController()
		c.phase, c.reason, c.limit, c.target = Trial, CallsLate, 51, float64(50*ms)
		c.reference = reference{limit: 400, latency: float64(400 * ms)}
		c.trial = trial{
			start: 1_000 * ms, before: float64(400 * ms), passesBelow: float64(141 * ms), drainUntil: 2_000 * ms,
			lastEvidence: 10_000 * ms, measurement: measurement{settledSince: 9_000 * ms},
		}
		if change != nil {
			change(&c)
		}
		return c
	}
	check(t, []transition{
		{
			name:   "earlier calls still drain",
			before: trying(nil), window: served(100, 50*time.Millisecond, 100),
			phase: Trial, limit: 51, reason: CallsLate,
		},
		{
			name:   "the calls that ended started before the limit",
			before: trying(func(c *controller) { c.trial.measurement.settledSince = 9_960 * ms }),
			window: served(100, 50*time.Millisecond, 50),
			phase:  Trial, limit: 51, reason: CallsLate,
		},
		{
			name:   "few calls ended",
			before: trying(nil), window: served(7, 50*time.Millisecond, 50),
			phase: Trial, limit: 51, reason: CallsLate,
		},
		{
			name:   "calls become faster",
			before: trying(nil), window: served(100, 50*time.Millisecond, 50),
			phase: Steering, limit: 51, reason: CallsLate,
		},
		{
			name:   "calls become a little faster",
			before: trying(nil), window: served(100, 200*time.Millisecond, 50),
			phase: Unlimited, change: adoptLatency,
		},
		{
			name:   "calls are as slow as before",
			before: trying(nil), window: served(100, 400*time.Millisecond, 50),
			phase: Unlimited, change: adoptLatency,
		},
		{
			name:   "calls are as slow, and the earlier ones may still drain",
			before: trying(func(c *controller) { c.trial.drainUntil = 10_200 * ms }),
			window: served(100, 400*time.Millisecond, 50),
			phase:  Trial, limit: 51, reason: CallsLate,
		},
		{
			name:   "calls become still slower, within 8 s",
			before: trying(func(c *controller) { c.trial.start = 3_000 * ms }),
			window: served(100, 500*time.Millisecond, 50),
			phase:  Trial, limit: 51, reason: CallsLate,
		},
		{
			name:   "calls become still slower, after 8 s",
			before: trying(nil), window: served(100, 500*time.Millisecond, 50),
			phase: Unlimited, change: adoptLatency,
		},
		{
			name:   "most calls expire, within 8 s",
			before: trying(func(c *controller) { c.trial.start = 3_000 * ms }),
			window: expired(20, 500*time.Millisecond, 50),
			phase:  Trial, limit: 5, reason: CallsLate,
		},
		{
			name:   "no call ends for a second",
			before: trying(func(c *controller) { c.trial.lastEvidence = 9_100 * ms }),
			window: served(0, 0, 50),
			phase:  Trial, limit: 51, reason: CallsLate,
		},
		{
			name:   "no call ends for more than 2 s",
			before: trying(func(c *controller) { c.trial.lastEvidence = 8_000 * ms }),
			window: served(0, 0, 50),
			phase:  Unlimited, change: adoptLatency,
		},
	})
}

func TestATrialThatPassesMayEndItsOwnLimitLater(t *testing.T) {
	c := controller{min: 5, max: 1000, phase: Trial, reason: CallsPileUp, limit: 51, target: float64(50 * ms)}
	c.trial = trial{
		before: float64(400 * ms), passesBelow: float64(141 * ms), measurement: measurement{settledSince: 1},
	}
	w := served(100, 10*time.Millisecond, 20)
	for range 20 {
		s := c.next(w)
		if s.phase == Unlimited {
			break
		}
		w.start, w.now = w.now, w.now+w.length
	}
	if c.phase != Unlimited || c.reason != "" {
		t.Errorf("after 2 s without waiting calls the limit is %s because of %q, want unlimited", c.phase, c.reason)
	}
}

func TestEachFailedTrialDoublesThePauseUpToTwoMinutes(t *testing.T) {
	var p trialPause
	for _, want := range []time.Duration{2, 4, 8, 16, 32, 64, 120, 120} {
		p.start(0)
		if got := time.Duration(p.length); got != want*time.Second {
			t.Errorf("the pause is %s, want %s", got, want*time.Second)
		}
	}
}
