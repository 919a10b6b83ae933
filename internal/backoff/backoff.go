// Package backoff says how long to wait between tries.
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
	// Rand draws the waits; nil is one that nobody seeds.
	Rand *rng.Source
}

// Next is the wait that follows previous, which is 0 before the first.
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

// Longest is the longest that the wait after previous can be.
func (p Policy) Longest(previous time.Duration) time.Duration {
	last := max(previous, p.Min)
	if last > p.Max/3 {
		return p.Max // three times as much may be more than a Duration holds
	}
	return last * 3
}

// shortest is what a timer takes to arm and fire: less is no wait.
const shortest = time.Microsecond

// Wait waits for d, or until ctx ends, whose error it returns.
func Wait(ctx context.Context, d time.Duration) error {
	if d <= shortest {
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
