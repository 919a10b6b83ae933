package breaker

import "math"

// maxTime is as late as can be.
const maxTime = int64(math.MaxInt64)

// ForceOpen refuses all calls until Release, probes as well, whatever the policy.
func (c *Circuit) ForceOpen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if gen := c.catchUp(c.now()); gen.state != Open || !gen.forced.Load() {
		c.enter(Open, maxTime, true)
	}
}

// ForceClosed admits all calls until Release, and continues to count.
func (c *Circuit) ForceClosed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	gen := c.catchUp(c.now())
	if !gen.closed {
		c.enter(Closed, 0, true)
	} else if !gen.forced.Swap(true) {
		c.publish(Closed, gen)
	}
}

// Release ends ForceOpen or ForceClosed. A circuit that was forced open becomes half-open,
// since there may have been no call for long. One that was forced closed stays closed, and
// the next bad result opens it if what was counted meanwhile is bad enough.
func (c *Circuit) Release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	gen := c.generation.Load()
	switch {
	case !gen.forced.Load():
	case gen.closed:
		gen.forced.Store(false)
		gen.cleanSlot.Store(-1) // failures meanwhile were not evaluated
		c.publish(Closed, gen)
	case c.policy.Load().Disabled:
		c.enter(Closed, 0, false)
	default:
		c.failingSince, c.unsureFailures = c.now(), 0
		c.enter(HalfOpen, 0, false)
	}
}
