package breaker

import "math"

// maxTime is as late as can be.
const maxTime = int64(math.MaxInt64)

// ForceOpen opens the circuit until Release: it refuses all calls, and admits no probe,
// even if the policy is Disabled.
func (c *Circuit) ForceOpen() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if gen := c.catchUp(c.now()); gen.state != Open || !gen.forced.Load() {
		c.enter(Open, maxTime, true)
	}
}

// ForceClosed closes the circuit until Release: it admits all calls, and continues to
// count.
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
// since there may have been no call for long, or closed if the policy is Disabled. A
// circuit that was forced closed stays closed; the next failure or slow call opens it if
// with those counted meanwhile the policy requires that. Release of a circuit that is not
// forced does nothing.
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
