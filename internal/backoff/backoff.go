// Package backoff computes how long to wait between attempts.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/sinew-go/sinew/internal/rng"
)

// Policy is decorrelated jitter: each wait is drawn between Min and three times
// the wait before it, and is never above Max. See "Exponential Backoff And
// Jitter", AWS Architecture Blog, 2015.
type Policy struct {
	Min, Max time.Duration
	// Rand draws the waits. Nil is math/rand/v2, which has no seed.
	Rand *rng.Source
}

// Next returns the wait that follows previous, which is 0 before the first.
func (p Policy) Next(previous time.Duration) time.Duration {
	top := p.Longest(previous)
	switch {
	case top <= p.Min:
		return top
	case p.Rand != nil:
		return p.Min + p.Rand.Duration(top-p.Min+1)
	default:
		return p.Min + rand.N(top-p.Min+1)
	}
}

// Longest returns the upper bound of the wait that follows previous.
func (p Policy) Longest(previous time.Duration) time.Duration {
	last := max(previous, p.Min)
	if last > p.Max/3 {
		return p.Max // three times as much might overflow a Duration
	}
	return last * 3
}

// minWait is about what a timer costs to arm and fire. A shorter wait is no wait.
const minWait = time.Microsecond

// Wait waits for d, or until ctx ends; then it returns the error of ctx.
func Wait(ctx context.Context, d time.Duration) error {
	if d <= minWait {
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
