// Package deadline gives a context a time limit that costs a timer only when
// somebody waits for it.
package deadline

import (
	"context"
	"sync"
	"time"
)

// Context is a context with a deadline whose timer is armed by the first call
// of Done. It is safe for concurrent use.
type Context struct {
	parent context.Context
	at     time.Time

	mu     sync.Mutex
	armed  context.Context
	cancel context.CancelFunc
	err    error
}

// With is parent with the deadline at, or with parent's own where that is
// earlier. Stop must be called when the work is done.
func With(parent context.Context, at time.Time) *Context {
	c := &Context{}
	c.Begin(parent, at)
	return c
}

// Begin makes a zero Context that is part of something else what With returns.
func (c *Context) Begin(parent context.Context, at time.Time) {
	if d, ok := parent.Deadline(); ok && d.Before(at) {
		at = d
	}
	c.parent, c.at = parent, at
}

// Stop cancels the context and frees its timer.
func (c *Context) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && c.armed != nil {
		c.err = c.armed.Err()
	}
	if c.err == nil {
		c.err = context.Canceled
	}
	if c.cancel != nil {
		c.cancel()
	}
}

// Deadline implements context.Context.
func (c *Context) Deadline() (time.Time, bool) { return c.at, true }

// Done implements context.Context. The first call arms the timer.
func (c *Context) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.armed == nil {
		c.armed, c.cancel = context.WithDeadline(c.parent, c.at)
		if c.err != nil {
			c.cancel()
		}
	}
	return c.armed.Done()
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
	c.mu.Lock()
	inner := c.armed
	c.mu.Unlock()
	if inner == nil {
		inner = c.parent
	}
	return inner.Value(key)
}

func (c *Context) errLocked() error {
	switch {
	case c.err != nil:
	case c.armed != nil:
		c.err = c.armed.Err()
	default:
		if c.err = c.parent.Err(); c.err == nil && !time.Now().Before(c.at) {
			c.err = context.DeadlineExceeded
		}
	}
	return c.err
}
