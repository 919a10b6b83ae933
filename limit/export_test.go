package limit

import (
	"context"
	"time"
)

// Steer sets the limit and the baseline that the limiter has found.
func (l *AdaptiveLimiter) Steer(limit int, base time.Duration) {
	c := &l.controller
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enterPhase(steering, l.now())
	c.reason = CallsLate
	c.limit, c.target = float64(limit), 2*float64(base)
	o := l.operations.forCall(context.Background())
	o.setBaseline(float64(base))
	o.bestBaselineBits.Store(o.baselineBits.Load())
	l.publish()
}
