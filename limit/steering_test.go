package limit

import (
	"testing"
	"time"
)

func TestSteeringFollowsWhatIsServedInTimeUntilTheLimitIsNotNeeded(t *testing.T) {
	steered := func(limit float64, change func(*controller)) controller {
		c := newController()
		c.phase, c.reason, c.limit, c.target = Steering, CallsLate, limit, float64(50*ms)
		c.reference = reference{limit: 200, latency: float64(200 * ms)}
		c.steering = steering{10_000 * ms, 10_000 * ms, 10_000 * ms}
		if change != nil {
			change(&c)
		}
		return c
	}
	bounds := func(min, max float64) func(*controller) {
		return func(c *controller) { c.min, c.max = min, max }
	}
	check(t, []transition{
		{
			name:   "fewer calls are served than the limit allows",
			before: steered(100, nil), window: served(100, 100*time.Millisecond, 100),
			phase: Steering, limit: 85.3, reason: CallsLate,
		},
		{
			name:   "more calls are served than the limit allows",
			before: steered(30, nil), window: served(100, 30*time.Millisecond, 30),
			phase: Steering, limit: 42.6, reason: CallsLate,
		},
		{
			name:   "a long window moves the limit by no more than 0.8",
			before: steered(100, nil), window: lasting(time.Second, served(1000, 100*time.Millisecond, 100)),
			phase: Steering, limit: 60.8, reason: CallsLate,
		},
		{
			name:   "calls are refused although none waits",
			before: steered(100, nil), window: refusing(10, served(100, 10*time.Millisecond, 100)),
			phase: Steering, limit: 115, reason: CallsLate,
		},
		{
			name:   "the callee refuses a tenth, so the target is the latency",
			before: steered(100, nil), window: shedding(20, served(100, 10*time.Millisecond, 100)),
			phase: Steering, limit: 73.3, reason: CallsLate,
		},
		{
			name:   "the highest limit",
			before: steered(30, bounds(5, 40)), window: served(100, 30*time.Millisecond, 30),
			phase: Steering, limit: 40, reason: CallsLate,
		},
		{
			name:   "the lowest limit, and calls are fast enough",
			before: steered(60, bounds(60, 1000)), window: refusing(10, served(100, 60*time.Millisecond, 60)),
			phase: Steering, limit: 60, reason: CallsLate,
		},
		{
			name:   "the lowest limit, and calls are slow",
			before: steered(60, bounds(60, 1000)), window: refusing(10, served(100, 100*time.Millisecond, 60)),
			phase: Steering, limit: 60, reason: CallsLate, change: approachLatency,
		},
		{
			name:   "no call ends",
			before: steered(100, nil), window: served(0, 0, 100),
			phase: Steering, limit: 100, reason: CallsLate,
		},
		{
			name:   "no call ends for 2 s",
			before: steered(100, func(c *controller) { c.steering.lastEvidence = 8_100 * ms }),
			window: served(0, 0, 100),
			phase:  Unlimited,
		},
		{
			name:   "no call waits",
			before: steered(100, nil), window: served(100, 10*time.Millisecond, 100),
			phase: Steering, limit: 85.3, reason: CallsLate,
		},
		{
			name:   "no call waits for a second",
			before: steered(100, func(c *controller) { c.steering.lastWaiting = 9_100 * ms }),
			window: served(100, 10*time.Millisecond, 100),
			phase:  Unlimited,
		},
		{
			name:   "half of the limit is in use, for a second",
			before: steered(100, func(c *controller) { c.steering.lastPressure = 9_100 * ms }),
			window: served(100, 40*time.Millisecond, 50),
			phase:  Unlimited,
		},
		{
			name:   "more than half of the limit is in use",
			before: steered(100, func(c *controller) { c.steering.lastPressure = 9_100 * ms }),
			window: served(100, 40*time.Millisecond, 51),
			phase:  Steering, limit: 85.3, reason: CallsLate,
		},
		{
			name:   "the limit falls to a quarter, and nothing is refused",
			before: steered(60, nil), window: served(50, 100*time.Millisecond, 60),
			phase: Steering, limit: 49.8, reason: CallsLate,
		},
		{
			name:   "the limit falls to a quarter",
			before: steered(60, nil), window: refusing(10, served(50, 100*time.Millisecond, 60)),
			phase: Trial, limit: 49.8, reason: CallsLate,
		},
	})
}
