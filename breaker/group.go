package breaker

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/endpoint"
)

// A group forgets circuits that nobody has asked for this long, once it has more
// than so many.
const (
	idleCircuit   = 10 * time.Minute
	manyCircuits  = 128
	sweepInterval = time.Minute
)

// Group is a circuit per key: per service, instance, route or tenant. Circuits
// are made at their first use and own no goroutine. Once there are more than 128,
// those that were not used for 10 minutes are forgotten, open ones when their time
// has been over for so long; one that is held by hand, or whose changes somebody
// reads, is not. It is safe for concurrent use; Get takes no lock for a key that is
// there.
type Group struct {
	name     string
	circuits sync.Map // key → *Circuit
	news     feed

	mu     sync.Mutex
	policy Policy
	count  atomic.Int64
	swept  time.Time
}

// NewGroup makes a group without circuits. It panics when the policy does not
// validate.
func NewGroup(name string, p Policy) *Group {
	if err := p.Validate(); err != nil {
		panic("breaker.NewGroup(" + name + "): " + err.Error())
	}
	return &Group{name: name, policy: p, swept: time.Now()}
}

// Get is the circuit of the key. Its name is the group's and the key.
func (g *Group) Get(key string) *Circuit {
	if c, ok := g.circuits.Load(key); ok {
		return c.(*Circuit)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if c, ok := g.circuits.Load(key); ok {
		return c.(*Circuit)
	}
	g.sweep()
	c := New(g.name+"/"+key, g.policy)
	c.group = &g.news
	g.circuits.Store(key, c)
	g.count.Add(1)
	return c
}

// Changes are the changes of state of all circuits, as [Circuit.Changes] gives
// them; each bears the name of its circuit.
func (g *Group) Changes(ctx context.Context) iter.Seq[Change] { return g.news.follow(ctx) }

// Set replaces the policy of all circuits, as [Circuit.Set] does.
func (g *Group) Set(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.policy = p
	for _, c := range g.circuits.Range {
		_ = c.(*Circuit).Set(p) // validated above
	}
	return nil
}

// Middleware guards an endpoint with the circuit of the key that a request has.
func (g *Group) Middleware(key func(ctx context.Context, request any) string) endpoint.Middleware {
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			return guard(ctx, g.Get(key(ctx, request)), next, request)
		}
	}
}

// Snapshot are the states of all circuits, by id.
func (g *Group) Snapshot() []Snapshot {
	var all []Snapshot
	for _, c := range g.circuits.Range {
		all = append(all, c.(*Circuit).Snapshot())
	}
	slices.SortFunc(all, func(a, b Snapshot) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// sweep forgets idle circuits, now and then.
func (g *Group) sweep() {
	if g.count.Load() < manyCircuits || time.Since(g.swept) < sweepInterval {
		return
	}
	g.swept = time.Now()
	for key, c := range g.circuits.Range {
		if c.(*Circuit).idle() {
			g.circuits.Delete(key)
			g.count.Add(-1)
		}
	}
}
