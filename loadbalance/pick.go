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

	counted bool // in Pool.all
	lease   uint32
	pool    *Pool
	node    *node
	start   time.Duration // since the pool began; untimed where it is not known
}

// untimed is a pick that is not timed nor counted as in flight: of many turns
// that come close together one in sixteen says enough.
const (
	untimed    = -1
	timedTurns = 256
	sampled    = 1 << 60
)

const golden = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio

// Pick implements [Balancer].
func (b *Pool) Pick(ctx context.Context, r Request) (Picked, error) {
	v := b.view.Load()
	if v.turns == nil || len(r.Tried) > 0 {
		return b.choose(ctx, v, &r)
	}
	t := b.turn.Add(1) - 1
	n := v.turns.turn(t)
	if t >= b.learned.timedUntil.Load() && t*golden >= sampled {
		return Picked{Instance: n.instance.Load(), pool: b, node: n, start: untimed}, nil
	}
	return b.timed(ctx, n), nil
}

func (b *Pool) timed(ctx context.Context, n *node) Picked {
	now := endpoint.Elapsed(ctx, b.began)
	if int64(now) >= b.learned.nextSweep.Load() {
		b.sweep(now)
	}
	n.begin(now)
	return Picked{Instance: n.instance.Load(), pool: b, node: n, start: now}
}

func (b *Pool) choose(ctx context.Context, v *view, r *Request) (Picked, error) {
	if len(v.nodes) == 0 {
		return Picked{}, b.nobody()
	}
	now := endpoint.Elapsed(ctx, b.began)
	if int64(now) >= b.learned.nextSweep.Load() {
		b.sweep(now)
		v = b.view.Load()
	}
	p := Picked{pool: b, start: now}
	if v.out != nil && b.probeDue(now, r.Safe) {
		p.node, p.lease = b.probe(now, r)
		p.Probe = p.node != nil
	}
	if p.node == nil {
		c := choice{pool: b, view: v, now: now, tried: r.Tried, warm: v.warmUntil > now}
		p.node = c.node(r.HashKey)
	}
	if p.counted = v.owner != nil; p.counted {
		b.all.Add(1)
	}
	p.node.begin(now)
	p.Instance = p.node.instance.Load()
	return p, nil
}
