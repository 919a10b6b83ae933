package callctx

import (
	"context"
	"time"
)

// reading is a reading of the clock for a call: the time since the start of the call, and
// a nanosecond, so that 0 is none. A time.Time has three times the size, and would move
// the Context into the next size class of the allocator. It is valid until the call waits
// for anything. A program that is built with the race detector panics in a synctest bubble
// if it uses an older one: there, time passes only while all wait.
type reading time.Duration

func readingOf(sinceStart time.Duration) reading { return reading(sinceStart + 1) }

func (r reading) sinceStart() time.Duration { return time.Duration(r) - 1 }

// Waited says that the call has waited, or is about to: its reading of the clock is not
// used from then on.
func (c *Call) Waited() { c.stamp = 0 }

// AwaitBreaker says that the attempt waits for a breaker that has refused it. The breaker
// goes on to judge it as of then, by BreakerElapsed: it passes once the probes of others
// have closed the breaker, and is no further probe. Otherwise the calls that wait would
// raise the number of probes in an outage by a tenth.
func (c *Call) AwaitBreaker() {
	if c.refused == 0 {
		c.refused = c.stamp
	}
	c.Waited()
}

// StartAttempt numbers an attempt that is made anew.
func (c *Call) StartAttempt(n int) {
	c.Attempt, c.refused = n, 0
}

// BreakerElapsed is Elapsed for a breaker that is asked to allow an attempt; see
// AwaitBreaker.
func BreakerElapsed(ctx context.Context, start time.Time) time.Duration {
	if c := Of(ctx); c != nil && c.refused != 0 {
		return c.Start.Sub(start) + c.refused.sinceStart()
	}
	return Elapsed(ctx, start)
}

// ReadClock reads the clock for all who ask for the time until the call waits.
func (c *Call) ReadClock() {
	c.stamp = readingOf(time.Since(c.Start)) // half the cost of time.Now
}

// Now returns the time. It uses the reading of the clock in the call that is being made in
// ctx if there is one.
func Now(ctx context.Context) time.Time {
	if c := Of(ctx); c != nil && c.stamp != 0 {
		checkFresh(c)
		return c.Start.Add(c.stamp.sinceStart())
	}
	return time.Now()
}

// Elapsed returns the time since start, as Now does.
func Elapsed(ctx context.Context, start time.Time) time.Duration {
	if c := Of(ctx); c != nil && c.stamp != 0 {
		checkFresh(c)
		return c.Start.Sub(start) + c.stamp.sinceStart()
	}
	return time.Since(start)
}
