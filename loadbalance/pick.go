package loadbalance

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/internal/panicked"
)

// Request is what [Balancer].Pick has to know of a call.
type Request struct {
	// HashKey selects the instance under [ConsistentHash]: equal keys have the same
	// instance. Other algorithms ignore it.
	HashKey string
	// Tried are the ids of the instances that earlier attempts of the call went to. They
	// are avoided while any other is left.
	Tried []string
	// Safe says that the call may be repeated without harm. Other calls are no probes,
	// except where no safe call has come for ten times Probation.Interval, or the instance
	// refuses connections.
	Safe bool
}

// Pick implements [Balancer].
func (b *Pool) Pick(ctx context.Context, r Request) (Picked, error) {
	rt := b.routing.Load()
	if len(r.Tried) > 0 {
		return b.choose(ctx, r)
	}
	// A round robin takes ten nanoseconds: a type switch, or one more read, is a tenth.
	if schedule := rt.schedule; len(schedule) > 0 {
		position := b.position.Add(1) - 1
		next := schedule.at(position)
		if !b.sampling.times(position) {
			return Picked{Instance: next.instance, node: next.node, start: untimed}, nil
		}
		return next.node.start(b.clock(ctx)), nil
	}
	if !rt.uniform {
		return b.choose(ctx, r)
	}
	switch a := rt.algorithm.(type) { // calls by interface take longer
	case *peakEWMA:
		now := b.clock(ctx)
		first, second := rt.main.drawTwo(b.rng.Uint64())
		return a.cheaper(first, second, now).start(now), nil
	case *consistentHash:
		if r.HashKey == "" {
			break
		}
		if n := a.owner(r.HashKey); n != nil {
			return b.startKeyed(ctx, n), nil
		}
	}
	return b.choose(ctx, r)
}

// choose is Pick where an instance may have to be avoided or probed, and for the algorithms
// that have no shorter way. A retry is no probe.
func (b *Pool) choose(ctx context.Context, r Request) (Picked, error) {
	if len(b.routing.Load().nodes) == 0 {
		return Picked{}, b.noInstance()
	}
	now := b.clock(ctx)
	rt := b.routing.Load()
	var n *node
	var hedgeAfter time.Duration
	isRetry := len(r.Tried) > 0
	if rt.excluded != nil && !isRetry && b.health.prober.isDue(now, r.Safe) {
		n, hedgeAfter = b.claimProbe(now, r.Safe)
	}
	if n == nil {
		c := choice{rng: &b.rng, now: now, tried: r.Tried, key: r.HashKey}
		if !rt.growth.isOver(now) {
			c.growth = rt.growth
		}
		n = rt.choose(c)
	}
	if n == nil { // all have left since
		return Picked{}, b.noInstance()
	}
	p := n.start(now)
	p.HedgeAfter = hedgeAfter
	if _, isKeyed := rt.algorithm.(*consistentHash); isKeyed {
		p.start |= keyed
		b.keyedCalls.start()
	}
	return p, nil
}

// start starts a timed call to the node.
func (n *node) start(now time.Duration) Picked {
	n.addInFlight(now)
	return Picked{Instance: n.instance.Load(), node: n, start: start(now)}
}

// startKeyed starts a call to the owner of its key.
func (b *Pool) startKeyed(ctx context.Context, n *node) Picked {
	if !b.keyedCalls.start() {
		n.traffic.Add(1)
		return Picked{Instance: n.instance.Load(), node: n, start: untimed | keyed}
	}
	p := n.start(b.clock(ctx))
	p.start |= keyed
	return p
}

// claimProbe makes this call the probe of a node that is due. It returns nil if none is, or
// if another call changes the pool.
func (b *Pool) claimProbe(now time.Duration, safe bool) (n *node, hedgeAfter time.Duration) {
	if !b.mu.TryLock() {
		return nil, 0
	}
	defer b.mu.Unlock()
	if n = b.health.prober.claim(b.health.nodes, now, safe); n != nil {
		hedgeAfter = b.health.hedgeAfter(n)
	}
	return n, hedgeAfter
}

// elapsed is the time since the pool was created.
func (b *Pool) elapsed(ctx context.Context) time.Duration { return callctx.Elapsed(ctx, b.created) }

// clock is elapsed for a pick. It sweeps if that is due.
func (b *Pool) clock(ctx context.Context) time.Duration {
	now := b.elapsed(ctx)
	if int64(now) >= b.nextSweep.Load() {
		b.sweep(now)
	}
	return now
}

// noInstance says why there is none.
func (b *Pool) noInstance() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	why := "the registry has not told of any yet"
	switch b.discovered {
	case onlyEmpty:
		why = "none is registered as healthy"
	case hadInstances:
		why = "all that were registered are gone or unhealthy"
	}
	return fault.Unavailable.Errorf("service %s has no instance to call: %s", b.service, why).
		WithReason(fault.ReasonNoInstance).WithUnprocessed()
}

// Middleware picks an instance for each call, sets Addr of the call's record (see
// [call.Of]) to its address, and reports the result to the pool. If the context has no
// record of an outgoing call, Middleware adds one. A panic of the call counts as a
// failure.
func (b *Pool) Middleware() endpoint.Middleware {
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (response any, err error) {
			c := callctx.Of(ctx)
			switch {
			case c == nil:
				ctx, c = callctx.Ensure(ctx)
			case c.Attempt == 0: // no retry follows, so nobody needs the tried instances
				defer func(tried []string) { c.Tried = tried }(c.Tried)
			}
			safe := c.Safe || c.Operation == (call.Operation{})
			picked, err := b.Pick(ctx, Request{HashKey: c.HashKey, Tried: c.Tried, Safe: safe})
			if err != nil {
				return nil, err
			}
			c.Try(picked.Instance.ID)
			c.Addr = picked.Instance.Endpoint
			err = panicked.Err
			defer func() { picked.Done(ctx, err) }()
			return next(ctx, request)
		}
	}
}
