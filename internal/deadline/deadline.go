// Package deadline gives a context a time limit that costs a timer only when
// somebody waits for it.
package deadline

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Context is a context with a deadline whose timer is armed by the first call
// of Done. It is safe for concurrent use.
type Context struct {
	parent context.Context
	at     time.Time
	shared bool // the deadline is parent's own, whose timer does for both

	armed atomic.Pointer[armed] // nil until somebody waits

	mu  sync.Mutex // held to arm, and for what is below
	err error
}

// armed is the context with a timer behind a Context.
type armed struct {
	context.Context
	cancel context.CancelFunc
}

// With is parent with the deadline at, or with parent's own where that is
// earlier. Stop must be called when the work is done.
func With(parent context.Context, at time.Time) *Context {
	c := &Context{}
	c.Init(parent, at)
	return c
}

// Init makes a zero Context that is part of something else what With returns.
func (c *Context) Init(parent context.Context, at time.Time) {
	c.parent, c.at = parent, at
	if d, ok := parent.Deadline(); ok && !at.Before(d) {
		c.at, c.shared = d, true
	}
}

// Stop cancels the context and frees its timer.
func (c *Context) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	timed := c.armed.Load()
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

// Done implements context.Context. The first call arms the timer, or parent's where
// that has the same deadline.
func (c *Context) Done() <-chan struct{} {
	if timed := c.armed.Load(); timed != nil {
		return timed.Done()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	timed := c.armed.Load()
	if timed == nil {
		timed = &armed{}
		if c.shared {
			timed.Context, timed.cancel = context.WithCancel(c.parent)
		} else {
			timed.Context, timed.cancel = context.WithDeadline(c.parent, c.at)
		}
		if c.err != nil {
			timed.cancel()
		}
		c.armed.Store(timed)
	}
	return timed.Done()
}

// Err implements context.Context.
func (c *Context) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.errLocked()
}

// Value implements context.Context. Once armed it answers through the inner
// context, so that children of this one attach to that without a goroutine.
func (c *Context) Value(key any) any {
	if timed := c.armed.Load(); timed != nil {
		return timed.Value(key)
	}
	return c.parent.Value(key)
}

func (c *Context) errLocked() error {
	switch {
	case c.err != nil:
	case c.armed.Load() != nil:
		c.err = c.armed.Load().Err()
	default:
		if c.err = c.parent.Err(); c.err == nil && !time.Now().Before(c.at) {
			c.err = context.DeadlineExceeded
		}
	}
	return c.err
}
