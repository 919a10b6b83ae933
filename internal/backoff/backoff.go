// Package backoff says how long to wait between tries.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Policy is decorrelated jitter: each wait is drawn between Min and three times
// the wait before it, and is never above Max. See "Exponential Backoff And
// Jitter", AWS Architecture Blog, 2015.
type Policy struct {
	Min, Max time.Duration
}

// Next is the wait that follows previous, which is 0 before the first.
func (p Policy) Next(previous time.Duration) time.Duration {
	top := min(max(previous, p.Min)*3, p.Max)
	if top <= p.Min {
		return min(p.Min, p.Max)
	}
	return p.Min + rand.N(top-p.Min+1)
}

// Wait waits for d, or until ctx ends, whose error it returns.
func Wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
