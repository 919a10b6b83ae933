package loadbalance

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/registry"
)

// Request is the input of a choice.
type Request struct {
	// HashKey selects the instance under ConsistentHash: equal keys, equal instance.
	HashKey string
	// Tried are the ids of the instances that earlier attempts went to.
	Tried []string
	// Safe says that the call may be repeated without harm. Only then may it be the
	// probe of an instance that is out.
	Safe bool
}

// Picked is the result of a choice. Call Done exactly once, when the call ends, on this value
// or on a copy; a second Done, on either, is a mistake and may count the call twice.
type Picked struct {
	// Instance is the chosen one; read-only.
	Instance *registry.Instance
	// Probe says that the instance is out and may not do well: the attempt should be
	// hedged after HedgeAfter.
	Probe bool

	node  *node
	start time.Duration // since the pool was created, with or without counted; or untimed
}

// untimed is the start of a pick that is not timed, and that round robin does not count as
// in flight. At many picks a second, one in sixty-four is enough.
const (
	untimed     = time.Duration(-1)
	timedPicks  = 256
	sampleBelow = 1 << 58
)

// counted is a bit of start: the call counts in Pool.keyedTraffic.
const counted = 1 << 62

const golden = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio

// Pick implements [Balancer].
func (b *Pool) Pick(ctx context.Context, r Request) (Picked, error) {
	rt := b.routing.Load()
	if len(rt.schedule) == 0 || len(r.Tried) > 0 {
		return b.choose(ctx, rt, r)
	}
	schedule, timed := rt.schedule, b.stats.timedUntil.Load()
	t := b.picks.Add(1) - 1
	s := &schedule[uint32(t)%uint32(len(schedule))] // a 32-bit division takes half the time
	if t >= timed && t*golden >= sampleBelow {
		return Picked{Instance: s.instance, node: s.node, start: untimed}, nil
	}
	return b.startTimed(ctx, s.node), nil
}

func (b *Pool) startTimed(ctx context.Context, n *node) Picked {
	now := callctx.Elapsed(ctx, b.created)
	if int64(now) >= b.stats.nextSweep.Load() {
		b.sweep(now)
	}
	n.addInFlight(now)
	return Picked{Instance: n.instance.Load(), node: n, start: now}
}

func (b *Pool) choose(ctx context.Context, rt *routing, r Request) (Picked, error) {
	if len(rt.nodes) == 0 {
		return Picked{}, b.noInstance()
	}
	if rt.kind == peakEWMA && rt.uniform && len(r.Tried) == 0 {
		return b.pickTwo(ctx, rt), nil
	}
	if rt.owners != nil && r.HashKey != "" && rt.uniform && len(r.Tried) == 0 {
		if n := b.pickOwner(rt, r.HashKey); n != nil {
			return b.startOwned(ctx, n), nil
		}
	}
	now := callctx.Elapsed(ctx, b.created)
	if int64(now) >= b.stats.nextSweep.Load() {
		b.sweep(now)
		rt = b.routing.Load()
	}
	p := Picked{start: now}
	if rt.excluded != nil && len(r.Tried) == 0 && b.probeDue(now, r.Safe) { // a retry must not be a probe
		p.node = b.claimProbe(now, r)
		p.Probe = p.node != nil
	}
	if p.node == nil {
		c := choice{pool: b, routing: rt, now: now, tried: r.Tried, hasSlowStart: rt.slowStartUntil > now}
		p.node = c.choose(r.HashKey)
	}
	if rt.owners != nil {
		p.start |= counted
		b.keyedTraffic.Add(1)
	}
	p.node.addInFlight(now)
	p.Instance = p.node.instance.Load()
	return p, nil
}

// pickTwo is Pick under PeakEWMA for a uniform routing.
func (b *Pool) pickTwo(ctx context.Context, rt *routing) Picked {
	now := callctx.Elapsed(ctx, b.created)
	if int64(now) >= b.stats.nextSweep.Load() {
		b.sweep(now)
	}
	n, other := rt.main.drawTwo(b.rng.Uint64())
	if other != n {
		n = rt.cheaper(n, other, now)
	}
	n.addInFlight(now)
	return Picked{Instance: n.instance.Load(), node: n, start: now}
}

// startOwned starts a call to the owner of its key.
func (b *Pool) startOwned(ctx context.Context, n *node) Picked {
	all := b.keyedTraffic.Add(1)
	if t := all>>32 + uint64(uint32(all)); t >= b.stats.timedUntil.Load() && t*golden >= sampleBelow {
		n.traffic.Add(1)
		return Picked{Instance: n.instance.Load(), node: n, start: untimed &^ counted}
	}
	p := b.startTimed(ctx, n)
	p.start |= counted
	return p
}
