package breaker

import (
	"context"

	"github.com/sinew-go/sinew/internal/callctx"
)

// lease belongs to a probe in flight.
type lease struct {
	id    uint64
	until int64
}

// allowProbe is Allow for a circuit that is not closed.
func (c *Circuit) allowProbe(ctx context.Context, now int64) (Permit, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	gen := c.catchUp(now)
	switch {
	case gen.closed:
		return Permit{generation: gen, start: c.nowIn(ctx)}, nil
	case gen.state == Open:
		return Permit{}, gen.refuse(now, gen.until, c.policy.Load())
	}
	if r := callctx.RecordOf(ctx); r != nil && r.Attempt > 1 { // one call must not be several probes
		p := c.policy.Load()
		return Permit{}, gen.refuse(now, saturatingAdd(now, p.Timeout), p)
	}
	id, err := c.grantLease(gen, now)
	if err != nil {
		return Permit{}, err
	}
	return Permit{generation: gen, start: c.nowIn(ctx), leaseID: id}, nil
}

// grantLease grants the lease of a probe if one is free. The caller holds the lock.
func (c *Circuit) grantLease(gen *generation, now int64) (uint64, error) {
	p := c.policy.Load()
	active := c.leases[:0]
	firstEnd := maxTime
	for _, l := range c.leases {
		if l.until > now {
			active = append(active, l)
			firstEnd = min(firstEnd, l.until)
		}
	}
	c.leases = active
	if len(active) >= max(p.MaxRequests, min(c.unsureFailures, unsureProbes)) {
		gen.fullUntil.Store(firstEnd) // callers need not try before
		return 0, gen.refuse(now, min(firstEnd, saturatingAdd(now, p.Timeout)), p)
	}
	c.lastLease++
	c.leases = append(c.leases, lease{c.lastLease, saturatingAdd(now, p.ProbeLease)})
	return c.lastLease, nil
}

// endLease ends the lease of a probe of any generation. It is false if the lease had expired
// by now. The caller holds the lock.
func (c *Circuit) endLease(now int64, probe uint64) bool {
	for i, l := range c.leases {
		if l.id == probe {
			c.leases = append(c.leases[:i], c.leases[i+1:]...)
			c.generation.Load().fullUntil.Store(0)
			return l.until > now
		}
	}
	return false
}
