package callctx

import (
	"context"
	"time"
)

// stamp is the latest reading of the clock for a call, so that the policies which take
// part in it need not read the clock again. It is valid until the call waits for anything.
// A program that is built with the race detector panics in a synctest bubble if it uses a
// stamp that is older than the clock: there, time passes only while all wait.
type stamp struct{ at time.Time }

func (s *stamp) isSet() bool { return !s.at.IsZero() }

func (s *stamp) get() time.Time {
	checkFresh(s.at)
	return s.at
}

// Waited says that the call has waited, or is about to: its reading of the clock is not
// used from then on.
func (c *Call) Waited() { c.stamp = stamp{} }

// AwaitBreaker says that the attempt waits for a breaker that has refused it. The breaker
// goes on to judge it as of then, by BreakerElapsed: it passes once the probes of others
// have closed the breaker, and is no further probe. Otherwise the calls that wait would
// raise the number of probes in an outage by a tenth.
func (c *Call) AwaitBreaker() {
	if c.refusedAt.IsZero() {
		c.refusedAt = c.stamp.at
	}
	c.Waited()
}

// StartAttempt numbers an attempt that is made anew.
func (c *Call) StartAttempt(n int) {
	c.Attempt, c.refusedAt = n, time.Time{}
}

// BreakerElapsed is Elapsed for a breaker that is asked to allow an attempt; see
// AwaitBreaker.
func BreakerElapsed(ctx context.Context, start time.Time) time.Duration {
	if c := Of(ctx); c != nil && !c.refusedAt.IsZero() {
		return c.refusedAt.Sub(start)
	}
	return Elapsed(ctx, start)
}

// ReadClock reads the clock for all who ask for the time until the call waits.
func (c *Call) ReadClock() {
	c.stamp.at = c.Start.Add(time.Since(c.Start)) // half the cost of time.Now
}

// Now returns the time. It uses the reading of the clock in the call that is being made in
// ctx if there is one.
func Now(ctx context.Context) time.Time {
	if c := Of(ctx); c != nil && c.stamp.isSet() {
		return c.stamp.get()
	}
	return time.Now()
}

// Elapsed returns the time since start, as Now does.
func Elapsed(ctx context.Context, start time.Time) time.Duration {
	if c := Of(ctx); c != nil && c.stamp.isSet() {
		return c.stamp.get().Sub(start)
	}
	return time.Since(start)
}
