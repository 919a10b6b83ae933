package loadbalance

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/rng"
	"github.com/sinew-go/sinew/registry"
)

// Balancer chooses among the instances of the last Update. It is safe for concurrent use.
type Balancer interface {
	// Update replaces the instances.
	Update(instances []registry.Instance)
	// Pick chooses an instance. The error is fault.Unavailable and says why there is none.
	Pick(ctx context.Context, r Request) (Picked, error)
}

// Pool is the [Balancer] of one service.
type Pool struct {
	service string
	created time.Time
	routing atomic.Pointer[routing]
	stats   poolStats

	_            [64]byte // separates what every pick writes from what it only reads
	picks        atomic.Uint64
	rng          rng.Source
	keyedTraffic atomic.Uint64 // calls under consistent hash, laid out like node.traffic
	_            [64]byte

	mu              sync.Mutex // guards what changes which nodes are used
	policy          Policy
	nodes           []*node
	discovered      discovery
	rendezvous      rendezvousTable
	lastSweep       time.Duration
	lastHalving     time.Duration
	sortedLatencies []float64 // mean latencies of the healthy nodes, at the last sweep
	sortedExpected  []float64 // expected latencies of the working nodes, at the last sweep
}

// poolStats is what sweeps and changes publish to picks. Latencies are in ns.
type poolStats struct {
	meanLatency     float        // 0 if not known
	maxExpected     float        // longest expected latency of a node that does not fail
	meanExpected    float        // mean of the expected latencies of such nodes
	medianExpected  float        // median of the expected latencies of such nodes; 0 if not known
	medianLatency   atomic.Int64 // mean latency of the median node; 0 if not known
	slowAbove       atomic.Int64 // a longer call is slow
	nextSweep       atomic.Int64
	nextProbe       atomic.Int64 // of safe calls
	nextUnsafeProbe atomic.Int64 // of any call
	timedUntil      atomic.Uint64
	callsBase       atomic.Uint32 // recent calls are those in Pool.keyedTraffic above it
}

// discovery is what Update has received so far.
type discovery int

const (
	noUpdate discovery = iota
	onlyEmpty
	hadInstances
)

var _ Balancer = (*Pool)(nil)

// New returns the pool of a service, without instances. It panics when the policy is
// invalid.
func New(service string, p Policy) *Pool {
	pool := &Pool{service: service, created: time.Now()}
	pool.stats.slowAbove.Store(math.MaxInt64)
	pool.stats.nextSweep.Store(int64(sweepInterval))
	if err := pool.Set(p); err != nil {
		panic("loadbalance.New(" + service + "): " + err.Error())
	}
	return pool
}

// Set replaces the policy at any time. What is known of the instances stays. Instances that
// are out are used again where the new policy disables ejection or probation, or allows
// fewer of them to be out. It returns an error for an invalid policy and keeps the old one.
func (b *Pool) Set(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	p = p.WithDefaults()
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.policy
	seeded := p.Seed != before.Seed || before.Algorithm == ""
	if seeded {
		b.rng.Seed(p.Seed)
	}
	if p.Algorithm == RoundRobin && (seeded || before.Algorithm != RoundRobin) {
		b.startRound()
	}
	if p.Algorithm == ConsistentHash && b.policy.Algorithm != ConsistentHash {
		b.rendezvous.clear()
		b.rendezvous.update(b.nodes, nil)
		b.resetCounts()
	}
	b.policy = p
	now := time.Since(b.created)
	b.enforcePolicy(now)
	b.publish(now)
	return nil
}

// startRound starts the round robin at a random position: many processes that start at the
// same time must not all call the first instance.
func (b *Pool) startRound() {
	position := b.rng.Uint64() >> 33 // far below the overflow to 0
	b.picks.Store(position)
	b.stats.timedUntil.Store(position + timedPicks)
}

// Update implements [Balancer]. What is known of instances that stay is not lost. An
// instance whose address has changed under its id is a new one.
func (b *Pool) Update(instances []registry.Instance) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Since(b.created)
	known := make(map[string]*node, len(b.nodes))
	for _, n := range b.nodes {
		known[n.id()] = n
	}
	average := poolMeanLatency(b.staying(instances))
	seen := make(map[string]bool, len(instances))
	changed := map[*node]bool{}
	var nodes []*node
	total := 0.0
	for _, i := range instances {
		if seen[i.ID] {
			continue
		}
		seen[i.ID] = true
		n := known[i.ID]
		if n == nil || n.instance.Load().Endpoint != i.Endpoint {
			n = newNode(i.ID, now, average, len(b.nodes) > 0)
			n.pool = b
		}
		n.instance.Store(&i)
		if w := i.Weight(); w != n.weight {
			changed[n] = n.weight != 0
			n.weight = w
		}
		total += n.weight
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		n.inverseWeight.set(total / float64(len(nodes)) / n.weight)
	}
	b.nodes = nodes
	if b.policy.Algorithm == ConsistentHash {
		b.rendezvous.update(nodes, changed)
	}
	switch {
	case len(nodes) > 0:
		b.discovered = hadInstances
	case b.discovered == noUpdate:
		b.discovered = onlyEmpty
	}
	b.enforcePolicy(now)
	b.publish(now)
}

// staying are the nodes whose address the instances do not change, and all nodes if there
// are none.
func (b *Pool) staying(instances []registry.Instance) []*node {
	endpoints := make(map[string]string, len(instances))
	for _, i := range instances {
		endpoints[i.ID] = i.Endpoint
	}
	var nodes []*node
	for _, n := range b.nodes {
		if endpoint, ok := endpoints[n.id()]; ok && endpoint == n.instance.Load().Endpoint {
			nodes = append(nodes, n)
		}
	}
	if len(nodes) == 0 {
		return b.nodes
	}
	return nodes
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

func newNode(id string, now time.Duration, latency float64, slowStarting bool) *node {
	n := &node{addedAt: now, slowStarting: slowStarting, hash: hashOf(id)}
	n.latency.set(latency, latency)
	n.latency.updatedAt.Store(int64(now))
	return n
}

// poolMeanLatency is the mean over the nodes with a known latency; 0 if there are none.
func poolMeanLatency(nodes []*node) float64 {
	sum, known := 0.0, 0
	for _, n := range nodes {
		if u := n.latency.mean(); u > 0 {
			sum += u
			known++
		}
	}
	return sum / float64(max(known, 1))
}
