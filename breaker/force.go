package breaker

import "math"

// forever is as late as can be.
const forever = int64(math.MaxInt64)

// ForceOpen refuses all calls, probes too and whatever the policy, until it is
// released.
func (c *Circuit) ForceOpen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.catchUp(c.moment()); e.state != Open || !e.forced.Load() {
		c.change(Open, forever, true)
	}
}

// ForceClosed lets all calls through until it is released, and goes on counting.
func (c *Circuit) ForceClosed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.catchUp(c.moment())
	if !e.closed {
		c.change(Closed, 0, true)
	} else if !e.forced.Swap(true) {
		c.tell(Closed, e)
	}
}

// Release ends what ForceOpen or ForceClosed began. A circuit that was held open
// becomes half-open: it may be that nobody has called for long. One that was held
// closed stays closed, and the next bad result opens it where what was counted
// meanwhile is bad enough.
func (c *Circuit) Release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.era.Load()
	switch {
	case !e.forced.Load():
	case e.closed:
		e.forced.Store(false)
		e.well.Store(-1) // what failed meanwhile was not looked at
		c.tell(Closed, e)
	case c.policy.Load().Disabled:
		c.change(Closed, 0, false)
	default:
		c.failing, c.unsure = c.moment(), 0
		c.change(HalfOpen, 0, false)
	}
}
