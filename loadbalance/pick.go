package loadbalance

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/registry"
)

// Request is what a choice may depend on.
type Request struct {
	// HashKey binds equal keys to one instance where the algorithm can.
	HashKey string
	// Tried are the ids of the instances that earlier attempts went to.
	Tried []string
	// Safe says that the call may be repeated without harm, so that it may be
	// the probe of an instance that is out.
	Safe bool
}

// Picked is the choice. Done must be called once when the attempt is over.
type Picked struct {
	// Instance is the one chosen; read-only.
	Instance *registry.Instance
	// Probe says that the instance is in probation and may not do well, so that
	// the attempt should be hedged.
	Probe bool

	node  *node
	start time.Duration // since the pool began, and counted; or untimed
}

// untimed is the start of a pick whose time nobody takes, and which round robin
// does not count as in flight: of many that come close together one in
// sixty-four says enough.
const (
	untimed    = time.Duration(-1)
	timedTurns = 256
	sampled    = 1 << 58
)

// counted is in a start when the call counts in Pool.all.
const counted = 1 << 62

const golden = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio

// Pick implements [Balancer].
func (b *Pool) Pick(ctx context.Context, r Request) (Picked, error) {
	v := b.view.Load()
	if len(v.seats) == 0 || len(r.Tried) > 0 {
		return b.choose(ctx, v, r)
	}
	seats, timed := v.seats, b.learned.timedUntil.Load()
	t := b.turn.Add(1) - 1
	s := &seats[uint32(t)%uint32(len(seats))] // a division of 32 bits takes half as long
	if t >= timed && t*golden >= sampled {
		return Picked{Instance: s.instance, node: s.node, start: untimed}, nil
	}
	return b.begin(ctx, s.node), nil
}

// begin is the pick of a node, timed.
func (b *Pool) begin(ctx context.Context, n *node) Picked {
	now := endpoint.Elapsed(ctx, b.began)
	if int64(now) >= b.learned.nextSweep.Load() {
		b.sweep(now)
	}
	n.begin(now)
	return Picked{Instance: n.instance.Load(), node: n, start: now}
}

func (b *Pool) choose(ctx context.Context, v *view, r Request) (Picked, error) {
	if len(v.nodes) == 0 {
		return Picked{}, b.nobody()
	}
	if v.kind == peakEWMA && v.quiet && len(r.Tried) == 0 {
		return b.lower(ctx, v), nil
	}
	if v.owner != nil && r.HashKey != "" && v.quiet && len(r.Tried) == 0 {
		if n := b.bound(v, r.HashKey); n != nil {
			return b.beginBound(ctx, n), nil
		}
	}
	now := endpoint.Elapsed(ctx, b.began)
	if int64(now) >= b.learned.nextSweep.Load() {
		b.sweep(now)
		v = b.view.Load()
	}
	p := Picked{start: now}
	if v.out != nil && len(r.Tried) == 0 && b.probeDue(now, r.Safe) { // a repeat has to do well
		p.node = b.probe(now, r)
		p.Probe = p.node != nil
	}
	if p.node == nil {
		c := choice{pool: b, view: v, now: now, tried: r.Tried, warm: v.warmUntil > now}
		p.node = c.node(r.HashKey)
	}
	if v.owner != nil {
		p.start |= counted
		b.all.Add(1)
	}
	p.node.begin(now)
	p.Instance = p.node.instance.Load()
	return p, nil
}

// lower is the pick of peak EWMA where all are used alike.
func (b *Pool) lower(ctx context.Context, v *view) Picked {
	now := endpoint.Elapsed(ctx, b.began)
	if int64(now) >= b.learned.nextSweep.Load() {
		b.sweep(now)
	}
	n, other := v.main.two(b.dice.Uint64())
	if other != n {
		n = v.cheaper(n, other, now)
	}
	n.begin(now)
	return Picked{Instance: n.instance.Load(), node: n, start: now}
}

// beginBound is the pick of a node by a key.
func (b *Pool) beginBound(ctx context.Context, n *node) Picked {
	all := b.all.Add(1)
	if t := all>>32 + uint64(uint32(all)); t >= b.learned.timedUntil.Load() && t*golden >= sampled {
		n.traffic.Add(1)
		return Picked{Instance: n.instance.Load(), node: n, start: untimed &^ counted}
	}
	p := b.begin(ctx, n)
	p.start |= counted
	return p
}
