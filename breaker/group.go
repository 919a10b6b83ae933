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

// A group drops circuits that were idle for idleCircuit, once it has manyCircuits.
const (
	idleCircuit   = 10 * time.Minute
	manyCircuits  = 128
	sweepInterval = time.Minute
)

// Group has a circuit per key: per service, instance, route or tenant. It makes a circuit
// at the first use of its key; a circuit has no goroutine. Once there are more than 128
// circuits, the group drops those that were not used for 10 minutes, and an open one when
// 10 minutes have passed since it would have admitted a probe. It does not drop a forced
// circuit, or one whose Changes are being read. A Group is safe for concurrent use. Get
// locks nothing for a key that has a circuit.
type Group struct {
	name     string
	circuits sync.Map // key → *Circuit
	changes  broadcaster

	mu        sync.Mutex
	policy    Policy
	count     atomic.Int64
	lastSweep time.Time
}

// NewGroup returns a group without circuits. It panics when the policy is invalid.
func NewGroup(name string, p Policy) *Group {
	if err := p.Validate(); err != nil {
		panic("breaker.NewGroup(" + name + "): " + err.Error())
	}
	return &Group{name: name, policy: p, lastSweep: time.Now()}
}

// Get returns the circuit of the key, and makes it if there is none. The name of the
// circuit is the group's name and the key, with a slash between them.
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
	c.groupChanges = &g.changes
	g.circuits.Store(key, c)
	g.count.Add(1)
	return c
}

// Changes yields the changes of state of all circuits, as [Circuit.Changes] does. Name of a
// [Change] is the name of its circuit.
func (g *Group) Changes(ctx context.Context) iter.Seq[Change] { return g.changes.subscribe(ctx) }

// Set replaces the policy of all circuits, present and future, as [Circuit.Set] does. For
// an invalid policy it returns an error and changes nothing.
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

// Middleware guards an endpoint as [Circuit.Middleware] does, each call with the circuit of
// the key that the function key returns for the request.
func (g *Group) Middleware(key func(ctx context.Context, request any) string) endpoint.Middleware {
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			return guard(ctx, g.Get(key(ctx, request)), next, request)
		}
	}
}

// Snapshot returns the snapshots of all circuits, sorted by ID.
func (g *Group) Snapshot() []Snapshot {
	var all []Snapshot
	for _, c := range g.circuits.Range {
		all = append(all, c.(*Circuit).Snapshot())
	}
	slices.SortFunc(all, func(a, b Snapshot) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// sweep drops idle circuits, once in a sweepInterval.
func (g *Group) sweep() {
	if g.count.Load() < manyCircuits || time.Since(g.lastSweep) < sweepInterval {
		return
	}
	g.lastSweep = time.Now()
	for key, c := range g.circuits.Range {
		if c.(*Circuit).isIdle() {
			g.circuits.Delete(key)
			g.count.Add(-1)
		}
	}
}
