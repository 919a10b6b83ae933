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

// Balancer chooses among the instances that it was last told of. It is safe for
// concurrent use.
type Balancer interface {
	// Update replaces the instances.
	Update(instances []registry.Instance)
	// Pick chooses one, or is fault.Unavailable saying why there is none.
	Pick(ctx context.Context, r Request) (Picked, error)
}

// Pool is the [Balancer] of one service.
type Pool struct {
	service string
	began   time.Time
	view    atomic.Pointer[view]
	learned learned

	_    [64]byte // what every pick writes is not beside what it only reads
	turn atomic.Uint64
	dice rng.Source
	all  atomic.Uint64 // calls of a consistent hash, as node.traffic has them
	_    [64]byte

	mu     sync.Mutex // for all that changes who is used; Pick and Done do not wait for it
	policy Policy
	nodes  []*node
	told   told
	table  table
	swept  time.Duration
	halved time.Duration
	sorted []float64 // of each sweep, the usual latencies of those in use
	peaks  []float64 // and what calls are expected to take
}

// learned is what sweeps and changes tell to picks.
type learned struct {
	usual      float        // what a call takes, 0 when not known
	slowest    float        // the longest that one may take at a node that does not fail
	typical    float        // what one may take at such a node, on average
	common     float        // and at the median one, 0 when not known
	median     atomic.Int64 // what a call usually takes at the median node, in ns; 0 when not known
	limit      atomic.Int64 // a call over it is slow, in ns
	nextSweep  atomic.Int64
	nextProbe  atomic.Int64 // when a safe call may be a probe
	anyProbe   atomic.Int64 // when any call may
	timedUntil atomic.Uint64
	base       atomic.Uint32 // what Pool.all is counted from
}

// told is what Update has said.
type told int

const (
	nothing told = iota
	nobodyYet
	somebody
)

var _ Balancer = (*Pool)(nil)

// New makes the balancer of a service, with no instances yet. It panics when
// the policy does not validate.
func New(service string, p Policy) *Pool {
	pool := &Pool{service: service, began: time.Now()}
	pool.learned.limit.Store(math.MaxInt64)
	pool.learned.nextSweep.Store(int64(sweepInterval))
	if err := pool.Set(p); err != nil {
		panic("loadbalance.New(" + service + "): " + err.Error())
	}
	return pool
}

// Set replaces the policy while calls go on. What is known of the instances stays.
// Instances that are out are used again where the new policy does not keep them
// out: where it disables ejection or probation, or allows fewer of them to be out.
// An invalid policy is refused.
func (b *Pool) Set(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	p = p.withDefaults()
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.policy
	seeded := p.Seed != before.Seed || before.Algorithm == ""
	if seeded {
		b.dice.Seed(p.Seed)
	}
	if p.Algorithm == RoundRobin && (seeded || before.Algorithm != RoundRobin) {
		b.start()
	}
	if p.Algorithm == ConsistentHash && b.policy.Algorithm != ConsistentHash {
		b.table.clear()
		b.table.update(b.nodes, nil)
		b.forget()
	}
	b.policy = p
	now := time.Since(b.began)
	b.settle(now)
	b.publish(now)
	return nil
}

// start begins the round at any turn: many processes that come at the same time
// must not all begin with the first.
func (b *Pool) start() {
	turn := b.dice.Uint64() >> 33 // far below where turns begin again at 0
	b.turn.Store(turn)
	b.learned.timedUntil.Store(turn + timedTurns)
}

// Update implements [Balancer]. Instances that stay keep what is known of them.
// One that has another address under its id does not stay: it is a new one.
func (b *Pool) Update(instances []registry.Instance) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Since(b.began)
	known := make(map[string]*node, len(b.nodes))
	for _, n := range b.nodes {
		known[n.id()] = n
	}
	average := meanUsual(b.staying(instances))
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
		n.perShare.set(total / float64(len(nodes)) / n.weight)
	}
	b.nodes = nodes
	if b.policy.Algorithm == ConsistentHash {
		b.table.update(nodes, changed)
	}
	switch {
	case len(nodes) > 0:
		b.told = somebody
	case b.told == nothing:
		b.told = nobodyYet
	}
	b.settle(now)
	b.publish(now)
}

// staying are the nodes that the instances leave where they are; all, when that
// would be none.
func (b *Pool) staying(instances []registry.Instance) []*node {
	at := make(map[string]string, len(instances))
	for _, i := range instances {
		at[i.ID] = i.Endpoint
	}
	var nodes []*node
	for _, n := range b.nodes {
		if now, there := at[n.id()]; there && now == n.instance.Load().Endpoint {
			nodes = append(nodes, n)
		}
	}
	if len(nodes) == 0 {
		return b.nodes
	}
	return nodes
}

// nobody says why there is none.
func (b *Pool) nobody() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	why := "the registry has not told of any yet"
	switch b.told {
	case nobodyYet:
		why = "none is registered as healthy"
	case somebody:
		why = "all that were registered are gone or unhealthy"
	}
	return fault.Unavailable.Errorf("service %s has no instance to call: %s", b.service, why).
		WithReason("no_instance").WithUnprocessed()
}

func newNode(id string, now time.Duration, usual float64, came bool) *node {
	n := &node{addedAt: now, came: came, hash: hashOf(id)}
	n.record.set(usual, usual)
	n.record.at.Store(int64(now))
	return n
}

// meanUsual is the mean over the nodes whose latency is known, 0 if none is.
func meanUsual(nodes []*node) float64 {
	sum, known := 0.0, 0
	for _, n := range nodes {
		if u := n.record.usual(); u > 0 {
			sum += u
			known++
		}
	}
	return sum / float64(max(known, 1))
}
