package loadbalance

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

// Balancer chooses among the instances that it was last told of. It is safe for
// concurrent use.
type Balancer interface {
	// Update replaces the instances.
	Update(instances []registry.Instance)
	// Pick chooses one, or is fault.Unavailable saying why there is none.
	Pick(ctx context.Context, r Request) (Picked, error)
}

// Request is what a choice may depend on.
type Request struct {
	// HashKey binds equal keys to one instance where the algorithm can.
	HashKey string
	// Tried are the ids of the instances that earlier attempts went to.
	Tried []string
}

// Picked is the choice. Done must be called once when the attempt is over.
type Picked struct {
	// Instance is the one chosen; read-only.
	Instance *registry.Instance

	pool  *Pool
	node  *node
	start time.Time
}

// Done says how the attempt ended. ctx is the context that its caller handed
// in.
func (p Picked) Done(ctx context.Context, err error) {
	if p.node != nil {
		p.pool.done(p.node, p.start, ctx, err)
	}
}

// Pool is the [Balancer] of one service.
type Pool struct {
	service string
	policy  atomic.Pointer[Policy]
	set     atomic.Pointer[[]*node]
	turn    atomic.Uint64

	mu      sync.Mutex // held by Update and by ejections
	updated atomic.Bool
}

var _ Balancer = (*Pool)(nil)

// New makes the balancer of a service, with no instances yet. It panics when
// the policy does not validate.
func New(service string, p Policy) *Pool {
	pool := &Pool{service: service}
	if err := pool.Set(p); err != nil {
		panic("loadbalance.New(" + service + "): " + err.Error())
	}
	pool.set.Store(new([]*node))
	return pool
}

// Set replaces the policy while calls go on; what is known of the instances
// stays. An invalid one is refused.
func (b *Pool) Set(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	p = p.withDefaults()
	b.policy.Store(&p)
	return nil
}

// Update implements [Balancer]. Instances that stay keep what is known of them.
func (b *Pool) Update(instances []registry.Instance) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := *b.set.Load()
	average := averageLatency(before)
	after := make([]*node, 0, len(instances))
	for _, i := range instances {
		if slices.ContainsFunc(after, func(n *node) bool { return n.id() == i.ID }) {
			continue
		}
		n := find(before, i.ID)
		if n == nil {
			n = &node{}
			n.latency.Store(math.Float64bits(average))
		}
		n.instance.Store(&i)
		n.weight.Store(math.Float64bits(i.Weight()))
		after = append(after, n)
	}
	b.set.Store(&after)
	b.updated.Store(true)
}

// Pick implements [Balancer].
func (b *Pool) Pick(_ context.Context, r Request) (Picked, error) {
	nodes := *b.set.Load()
	if len(nodes) == 0 {
		return Picked{}, b.nobody()
	}
	p := b.policy.Load()
	now := time.Now()
	c := choice{nodes: nodes, now: now.UnixNano(), tried: r.Tried}
	var n *node
	switch p.Algorithm {
	case RoundRobin:
		n = c.roundRobin(b.turn.Add(1) - 1)
	case LeastRequest:
		n = c.lower((*node).load)
	default:
		n = c.lower((*node).cost)
	}
	n.inFlight.Add(1)
	return Picked{Instance: n.instance.Load(), pool: b, node: n, start: now}, nil
}

func (b *Pool) done(n *node, start time.Time, ctx context.Context, err error) {
	n.inFlight.Add(-1)
	outcome := fault.Classify(ctx, err)
	p := b.policy.Load()
	took := time.Since(start)
	if outcome == fault.Ignored && fault.Expired(ctx, err) && float64(took) > 2*n.average() && n.average() > 0 {
		outcome = fault.Failure // slow by our own record
	}
	switch outcome {
	case fault.Success:
		n.observe(start.Add(took), float64(took), p.Decay)
		n.failures.Store(0)
	case fault.Failure:
		n.observe(start.Add(took), max(float64(took), n.average()), p.Decay)
		if int(n.failures.Add(1)) >= p.Ejection.Failures && !p.Ejection.Disabled {
			b.eject(n, start.Add(took), p.Ejection)
		}
	case fault.Ignored:
	}
}

// eject takes a node out, unless too many are out.
func (b *Pool) eject(n *node, now time.Time, e Ejection) {
	b.mu.Lock()
	defer b.mu.Unlock()
	nodes := *b.set.Load()
	at := now.UnixNano()
	if n.out(at) {
		return
	}
	out := 1
	for _, other := range nodes {
		if other != n && other.out(at) {
			out++
		}
	}
	if out >= len(nodes) || out > 1 && 100*out > e.MaxPercent*len(nodes) {
		return
	}
	if until := n.ejectedUntil.Load(); until > 0 && at-until > int64(10*e.Period) {
		n.ejections = 0
	}
	n.ejections = min(n.ejections+1, 10)
	n.ejectedUntil.Store(at + int64(e.Period)*int64(n.ejections))
	n.failures.Store(0)
}

func (b *Pool) nobody() error {
	why := "none is registered"
	if !b.updated.Load() {
		why = "the registry has not told of any yet"
	}
	return fault.Unavailable.Errorf("service %s has no instance to call: %s", b.service, why).
		WithReason("no_instance").WithUnprocessed()
}

// choice is one pick among the nodes.
type choice struct {
	nodes []*node
	now   int64
	tried []string
}

// lower draws two nodes and takes the one of the lower score.
func (c choice) lower(score func(*node) float64) *node {
	a := c.drawn()
	if len(c.nodes) == 1 {
		return a
	}
	other := c.drawn()
	if a == other {
		other = c.next(a)
	}
	if score(other) < score(a) {
		return other
	}
	return a
}

// drawn is a random node that may be used.
func (c choice) drawn() *node { return c.usable(rand.IntN(len(c.nodes))) }

// next is the usable node after n.
func (c choice) next(n *node) *node {
	return c.usable((slices.Index(c.nodes, n) + 1) % len(c.nodes))
}

// usable is the first node from at on that is neither ejected nor tried; if
// there is none, one that is not tried; else the one at at.
func (c choice) usable(at int) *node {
	var second *node
	for i := range c.nodes {
		n := c.nodes[(at+i)%len(c.nodes)]
		if slices.Contains(c.tried, n.id()) {
			continue
		}
		if !n.out(c.now) {
			return n
		}
		if second == nil {
			second = n
		}
	}
	if second != nil {
		return second
	}
	return c.nodes[at]
}

// roundRobin spreads turns evenly: the node of turn t is the one in whose share
// of the weights the golden-ratio sequence falls, which visits every node as
// often as its weight says and never in bursts.
func (c choice) roundRobin(turn uint64) *node {
	total, equal := 0.0, true
	first := c.nodes[0].weighs()
	for _, n := range c.nodes {
		w := n.weighs()
		total += w
		equal = equal && w == first
	}
	if equal {
		return c.usable(int(turn % uint64(len(c.nodes))))
	}
	const golden = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio
	at := float64(turn*golden) / (1 << 64) * total
	for i, n := range c.nodes {
		if at -= n.weighs(); at < 0 {
			return c.usable(i)
		}
	}
	return c.usable(len(c.nodes) - 1)
}
