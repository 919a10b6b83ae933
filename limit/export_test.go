package limit

import "time"

// Steer sets the limit that the limiter has found, and what calls take at best.
func (l *AdaptiveLimiter) Steer(limit int, base time.Duration) {
	c := &l.control
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase, c.limit, c.base, c.proven = steers, float64(limit), float64(base), float64(base)
	l.publish()
}
