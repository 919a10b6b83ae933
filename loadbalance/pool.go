package loadbalance

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/internal/rng"
	"github.com/sinew-go/sinew/registry"
)

// Balancer chooses among the instances of the last Update. It is safe for concurrent use.
type Balancer interface {
	// Update replaces the instances. It does not wait for calls.
	Update(instances []registry.Instance)
	// Pick chooses an instance. The error is fault.Unavailable and says why there is none.
	Pick(ctx context.Context, r Request) (Picked, error)
}

// Pool is the [Balancer] of one service. It is safe for concurrent use.
type Pool struct {
	service   string
	created   time.Time
	routing   atomic.Pointer[routing]
	nextSweep atomic.Int64
	sampling  sampling
	health    health // guarded by mu, but for what is atomic in it

	_          [64]byte      // separates what every pick writes from what it only reads
	position   atomic.Uint64 // of the round robin
	rng        rng.Source
	keyedCalls keyedCalls
	_          [64]byte

	mu         sync.Mutex // guards what changes which nodes are used
	policy     Policy
	nodes      []*node
	discovered discovery
	rendezvous rendezvousTable
}

// discovery is what Update has received so far.
type discovery int

const (
	noUpdate discovery = iota
	onlyEmpty
	hadInstances
)

var _ Balancer = (*Pool)(nil)

// New returns the pool of a service, without instances: Update sets them. It panics if
// the policy is invalid.
func New(service string, p Policy) *Pool {
	pool := &Pool{service: service, created: time.Now()}
	pool.health.init(&pool.rng)
	pool.nextSweep.Store(int64(sweepInterval))
	if err := pool.Set(p); err != nil {
		panic("loadbalance.New(" + service + "): " + err.Error())
	}
	return pool
}

// Set replaces the policy at any time. What is known of the instances stays. Instances
// that are out are used again where the new policy disables ejection or probation, or
// allows fewer of them to be out. For an invalid policy it returns what [Policy.Validate]
// returns, and the old one stays in force.
func (b *Pool) Set(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	p = p.WithDefaults()
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.policy
	b.policy = p
	seeded := p.Seed != before.Seed || before.Algorithm == ""
	if seeded {
		b.rng.Seed(p.Seed)
	}
	switch {
	case p.Algorithm == RoundRobin && (seeded || before.Algorithm != RoundRobin):
		// Many processes that start at the same time must not all call the first instance.
		position := b.rng.Uint64() >> 33 // far below the overflow to 0
		b.position.Store(position)
		b.sampling.restart(position)
	case p.Algorithm == ConsistentHash && before.Algorithm != ConsistentHash:
		b.rendezvous.clear()
		b.rendezvous.update(b.nodes, nil)
		b.keyedCalls.reset(b.nodes)
	}
	now := time.Since(b.created)
	b.health.set(p, now)
	b.publish(now)
	return nil
}

// Update implements [Balancer]. What the pool knows of instances that stay is not lost.
// An instance whose address has changed under its id is a new one.
func (b *Pool) Update(instances []registry.Instance) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Since(b.created)
	nodes, reweighted := update(b.nodes, instances, now)
	for _, n := range nodes {
		if n.pool == nil { // calls read that of the others
			n.pool = b
		}
	}
	b.nodes = nodes
	if b.policy.Algorithm == ConsistentHash {
		b.rendezvous.update(nodes, reweighted)
	}
	switch {
	case len(nodes) > 0:
		b.discovered = hadInstances
	case b.discovered == noUpdate:
		b.discovered = onlyEmpty
	}
	b.health.update(nodes, now)
	b.publish(now)
}

// Snapshot returns the state of the pool at this moment.
func (b *Pool) Snapshot() Snapshot {
	rt := b.routing.Load()
	s := Snapshot{Service: b.service, Policy: rt.policy}
	now := time.Since(b.created)
	a, _ := rt.algorithm.(*peakEWMA)
	for _, n := range rt.nodes {
		s.Instances = append(s.Instances, n.snapshot(now, rt.policy.Probation, a))
	}
	return s
}

// publish makes the routing for the current state. The caller holds the lock.
func (b *Pool) publish(now time.Duration) {
	in, out := b.health.usable()
	rt := newRouting(b.policy, b.nodes, in, out, now)
	switch b.policy.Algorithm {
	case PeakEWMA:
		rt.algorithm = &peakEWMA{perDecay: rt.perDecay, latencies: &b.health.latencies}
	case LeastRequest:
		rt.algorithm = &leastRequest{}
	case RoundRobin:
		r := newRoundRobin(rt.groups(), &b.position)
		if rt.algorithm = r; rt.uniform {
			rt.schedule = r.schedule(rt.main)
		}
	case Random:
		rt.algorithm = &random{}
	case ConsistentHash:
		rt.algorithm = newConsistentHash(rt, b.rendezvous.owners, &b.keyedCalls)
	}
	b.routing.Store(rt)
	b.health.prober.schedule(b.nodes)
}

// sweepInterval is how often a pool compares its nodes.
const sweepInterval = 250 * time.Millisecond

// sweep compares the nodes, unless another call changes the pool now.
func (b *Pool) sweep(now time.Duration) {
	if !b.mu.TryLock() {
		return
	}
	defer b.mu.Unlock()
	if int64(now) < b.nextSweep.Load() {
		return
	}
	b.nextSweep.Store(int64(now + sweepInterval))
	b.sampling.restart(b.position.Load())
	if b.policy.Algorithm == ConsistentHash {
		b.keyedCalls.sweep(b.nodes, now)
	}
	growth := b.routing.Load().growth
	hasGrown := growth.until > 0 && growth.isOver(now)
	if b.health.sweep(now) || hasGrown {
		b.publish(now)
	}
}
