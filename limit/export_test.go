package limit

import (
	"context"
	"time"
)

// Steer sets the limit and the baseline that the limiter has found.
func (l *AdaptiveLimiter) Steer(limit int, base time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, now := &l.controller, l.now()
	c.phase, c.reason, c.limit, c.target = Steering, CallsLate, float64(limit), 2*float64(base)
	c.steering = steering{now, now, now}
	l.setting = c.setting(window{}, baselineChange{})
	o := l.operations.forCall(context.Background())
	o.estimate.baseline, o.estimate.best = float64(base), float64(base)
	o.publish()
	l.publish()
}
