// Package deadline gives a context a time limit that needs a timer only when somebody
// waits for it.
package deadline

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Context is a context with a deadline. Its timer is armed by the first call of Done. It
// is safe for concurrent use.
type Context struct {
	parent        context.Context
	at            time.Time
	followsParent bool // the deadline is parent's own, whose timer serves both

	timed atomic.Pointer[timedContext] // nil until the first Done

	mu  sync.Mutex // guards arming and the fields below
	err error
}

// timedContext is the context with a timer behind a Context.
type timedContext struct {
	context.Context
	cancel context.CancelFunc
}

// With returns parent with the deadline at, or with parent's own if that is earlier. Call
// Stop when the work is done.
func With(parent context.Context, at time.Time) *Context {
	c := &Context{}
	c.Init(parent, at)
	return c
}

// Init turns a zero Context, which may be a field of another struct, into what With
// returns.
func (c *Context) Init(parent context.Context, at time.Time) {
	c.parent, c.at = parent, at
	if d, ok := parent.Deadline(); ok && !at.Before(d) {
		c.at, c.followsParent = d, true
	}
}

// Stop cancels the context and frees its timer.
func (c *Context) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	timed := c.timed.Load()
	if c.err == nil && timed != nil {
		c.err = timed.Err()
	}
	if c.err == nil {
		c.err = context.Canceled
	}
	if timed != nil {
		timed.cancel()
	}
}

// Deadline implements context.Context.
func (c *Context) Deadline() (time.Time, bool) { return c.at, true }

// Done implements context.Context. The first call arms the timer, or uses parent's if the
// deadline is parent's own.
func (c *Context) Done() <-chan struct{} {
	if timed := c.timed.Load(); timed != nil {
		return timed.Done()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	timed := c.timed.Load()
	if timed == nil {
		timed = &timedContext{}
		if c.followsParent {
			timed.Context, timed.cancel = context.WithCancel(c.parent)
		} else {
			timed.Context, timed.cancel = context.WithDeadline(c.parent, c.at)
		}
		if c.err != nil {
			timed.cancel()
		}
		c.timed.Store(timed)
	}
	return timed.Done()
}

// Err implements context.Context.
func (c *Context) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.errLocked()
}

// Value implements context.Context. Once the timer is armed it answers through the inner
// context, so that children of c attach to that one without a goroutine.
func (c *Context) Value(key any) any {
	if timed := c.timed.Load(); timed != nil {
		return timed.Value(key)
	}
	return c.parent.Value(key)
}

func (c *Context) errLocked() error {
	switch {
	case c.err != nil:
	case c.timed.Load() != nil:
		c.err = c.timed.Load().Err()
	default:
		if c.err = c.parent.Err(); c.err == nil && !time.Now().Before(c.at) {
			c.err = context.DeadlineExceeded
		}
	}
	return c.err
}
