package loadbalance

import (
	"context"
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
	start time.Duration // since the pool began
}

// Done says how the attempt ended. ctx is the context that its caller handed
// in.
func (p Picked) Done(ctx context.Context, err error) {
	if p.node != nil {
		p.pool.done(ctx, p.node, p.start, err)
	}
}

// failureCost is what a failure costs at least, in calls to the slowest of the
// good instances: above one, so that a fast refusal draws no calls.
const failureCost = 2

// Pool is the [Balancer] of one service.
type Pool struct {
	service string
	began   time.Time
	policy  atomic.Pointer[Policy]
	set     atomic.Pointer[set]
	turn    atomic.Uint64

	mu      sync.Mutex // held by Update, by Set and by ejections
	updated atomic.Bool
}

var _ Balancer = (*Pool)(nil)

// New makes the balancer of a service, with no instances yet. It panics when
// the policy does not validate.
func New(service string, p Policy) *Pool {
	pool := &Pool{service: service, began: time.Now()}
	pool.set.Store(&set{})
	if err := pool.Set(p); err != nil {
		panic("loadbalance.New(" + service + "): " + err.Error())
	}
	return pool
}

// Set replaces the policy while calls go on; what is known of the instances
// stays, and ejections that it does not allow end. An invalid one is refused.
func (b *Pool) Set(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	p = p.withDefaults()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.policy.Store(&p)
	b.set.Load().readmit(time.Since(b.began), p.Ejection)
	return nil
}

// Update implements [Balancer]. Instances that stay keep what is known of them.
func (b *Pool) Update(instances []registry.Instance) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Since(b.began)
	before := b.set.Load()
	known := make(map[string]*node, len(before.nodes))
	for _, n := range before.nodes {
		known[n.id()] = n
	}
	average := before.usual()
	seen := make(map[string]bool, len(instances))
	var nodes []*node
	var weights []float64
	for _, i := range instances {
		if seen[i.ID] {
			continue
		}
		seen[i.ID] = true
		n := known[i.ID]
		if n == nil {
			n = &node{}
			n.usual.set(average)
			n.peak.set(average)
			n.observedAt.Store(int64(now))
		}
		n.instance.Store(&i)
		nodes = append(nodes, n)
		weights = append(weights, i.Weight())
	}
	after := newSet(nodes, weights)
	after.readmit(now, b.policy.Load().Ejection)
	b.set.Store(after)
	b.updated.Store(true)
}

// Pick implements [Balancer].
func (b *Pool) Pick(_ context.Context, r Request) (Picked, error) {
	set := b.set.Load()
	if len(set.nodes) == 0 {
		return Picked{}, b.nobody()
	}
	p := b.policy.Load()
	now := time.Since(b.began)
	c := choice{set: set, now: now, decay: p.Decay, tried: r.Tried}
	var n *node
	switch p.Algorithm {
	case RoundRobin:
		n = c.roundRobin(func() uint64 { return b.turn.Add(1) - 1 })
	default:
		n = c.lower(p.Algorithm == PeakEWMA)
	}
	n.inFlight.Add(1)
	return Picked{Instance: n.instance.Load(), pool: b, node: n, start: now}, nil
}

func (b *Pool) done(ctx context.Context, n *node, start time.Duration, err error) {
	n.inFlight.Add(-1)
	now := time.Since(b.began)
	took := now - start
	p := b.policy.Load()
	outcome := fault.Classify(ctx, err)
	if outcome == fault.Success {
		n.succeeded(now, float64(took), p.Decay)
		n.failures.Store(0)
		return
	}
	usual := b.usual(n)
	if fault.Expired(ctx, err) && usual > 0 && float64(took) > 2*usual {
		outcome = fault.Failure // slow by the record of the node
	}
	switch {
	case outcome == fault.Failure:
		n.lingers.add(now, float64(took), usual)
		n.charged(now, max(float64(took), n.expected(now, p.Decay), failureCost*b.set.Load().slowest(now, p.Decay)))
		b.blame(n, now, p.Ejection)
	case ctx.Err() == nil: // a refusal, by which nobody is to be attracted
		n.lingers.add(now, float64(took), usual)
		n.charged(now, max(float64(took), n.expected(now, p.Decay), usual))
	}
}

// usual is what a call to the node takes, or to any when it has no record.
func (b *Pool) usual(n *node) float64 {
	if usual := n.usual.get(); usual > 0 {
		return usual
	}
	return b.set.Load().usual()
}

// blame counts a failure in a row, and ejects for too many.
func (b *Pool) blame(n *node, now time.Duration, e Ejection) {
	if n.out(now) {
		return // late results of the time before count for nothing after it
	}
	if int(n.failures.Add(1)) >= e.Failures && !e.Disabled {
		b.eject(n, now, e)
	}
}

// eject takes a node out, unless too many are out.
func (b *Pool) eject(n *node, now time.Duration, e Ejection) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n.out(now) {
		return
	}
	nodes := b.set.Load().nodes
	out := 1
	for _, other := range nodes {
		if other != n && other.out(now) {
			out++
		}
	}
	if !e.allows(out, len(nodes)) {
		return
	}
	if until := n.ejectedUntil.Load(); until > 0 && now-time.Duration(until) > 10*e.Period {
		n.ejections = 0
	}
	n.ejections = min(n.ejections+1, 10)
	n.ejectedUntil.Store(int64(now) + int64(e.Period)*int64(n.ejections))
	n.failures.Store(0)
}

func (b *Pool) nobody() error {
	why := "no healthy one is registered"
	if !b.updated.Load() {
		why = "the registry has not told of any yet"
	}
	return fault.Unavailable.Errorf("service %s has no instance to call: %s", b.service, why).
		WithReason("no_instance").WithUnprocessed()
}
