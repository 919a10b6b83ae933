package breaker

import (
	"context"

	"github.com/sinew-go/sinew/endpoint"
)

// lease is a probe under way.
type lease struct {
	id    uint64
	until int64
}

// probe is the permit of a circuit that is not closed, if it gives one.
func (c *Circuit) probe(ctx context.Context, now int64) (Permit, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.catchUp(now)
	switch {
	case e.closed:
		return Permit{era: e, start: now}, nil
	case e.state == Open:
		return Permit{}, e.refuse(now, e.until, c.policy.Load())
	}
	if call := endpoint.OutgoingOf(ctx); call != nil && call.Attempt > 1 { // or a probe would be several
		p := c.policy.Load()
		return Permit{}, e.refuse(now, later(now, p.Timeout), p)
	}
	id, err := c.lend(e, now)
	if err != nil {
		return Permit{}, err
	}
	return Permit{era: e, start: now, probe: id}, nil
}

// lend gives out the lease of a probe, where one is free. The lock is held.
func (c *Circuit) lend(e *era, now int64) (uint64, error) {
	p := c.policy.Load()
	kept := c.probes[:0]
	soonest := forever
	for _, l := range c.probes {
		if l.until > now {
			kept = append(kept, l)
			soonest = min(soonest, l.until)
		}
	}
	c.probes = kept
	if len(kept) >= max(p.MaxRequests, min(c.unsure, together)) {
		e.full.Store(soonest) // until then nobody need ask here
		return 0, e.refuse(now, min(soonest, later(now, p.Timeout)), p)
	}
	c.lent++
	c.probes = append(c.probes, lease{c.lent, later(now, p.ProbeLease)})
	return c.lent, nil
}

// giveBack ends the lease of a probe, of whatever era; false when it had lapsed by
// now. The lock is held.
func (c *Circuit) giveBack(now int64, probe uint64) bool {
	for i, l := range c.probes {
		if l.id == probe {
			c.probes = append(c.probes[:i], c.probes[i+1:]...)
			c.era.Load().full.Store(0)
			return l.until > now
		}
	}
	return false
}
