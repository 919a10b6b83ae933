package limit

import (
	"context"
	"time"
)

// Steer sets the limit that the limiter has found, and what calls take at best.
func (l *AdaptiveLimiter) Steer(limit int, base time.Duration) {
	c := &l.control
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enter(steers, l.moment())
	c.limit, c.target = float64(limit), 2*float64(base)
	o := l.operations.of(context.Background())
	o.setUsual(float64(base))
	o.swift.Store(o.base.Load())
	l.publish()
}
