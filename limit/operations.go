package limit

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sinew-go/sinew/call"
)

// operations are the operations of a limiter, by name.
type operations struct {
	byName atomic.Pointer[map[string]*operation] // replaced, never changed
	mu     sync.Mutex
}

func newOperations() *operations {
	o := &operations{}
	o.byName.Store(&map[string]*operation{})
	return o
}

// forCall returns the operation of the call that is made in ctx.
func (o *operations) forCall(ctx context.Context) *operation {
	name := ""
	if c := call.Of(ctx); c != nil {
		name = c.Name
	}
	byName := *o.byName.Load()
	if op := byName[name]; op != nil {
		return op
	}
	if others := byName[""]; others != nil && len(byName) >= maxOperations {
		return others
	}
	return o.add(name)
}

func (o *operations) add(name string) *operation {
	o.mu.Lock()
	defer o.mu.Unlock()
	byName := *o.byName.Load()
	if len(byName) >= maxOperations {
		name = "" // shared by all operations above the maximum
	}
	if existing, ok := byName[name]; ok {
		return existing
	}
	more := maps.Clone(byName)
	more[name] = &operation{}
	o.byName.Store(&more)
	return more[name]
}

// setExcept replaces the names outside of the limit. Other operations keep their state.
func (o *operations) setExcept(except []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	byName := maps.Clone(*o.byName.Load())
	maps.DeleteFunc(byName, func(name string, op *operation) bool {
		return op.excepted != slices.Contains(except, name)
	})
	for _, name := range except {
		if byName[name] == nil {
			byName[name] = &operation{excepted: true}
		}
	}
	o.byName.Store(&byName)
}

// backlog is that of all operations in a window of this length.
func (o *operations) backlog(length int64) (all backlog) {
	for _, op := range *o.byName.Load() {
		all.add(op.backlog(length))
	}
	return all
}

// closeWindow ends the window of each operation.
func (o *operations) closeWindow(start, now int64, doubtful bool) {
	for _, op := range *o.byName.Load() {
		op.closeWindow(start, now, doubtful)
	}
}

// change changes the baselines as the controller decided.
func (o *operations) change(c baselineChange, length int64) {
	if c.kind == noChange {
		return
	}
	for _, op := range *o.byName.Load() {
		op.change(c, length)
	}
}

// baseline is that of the operation with the most successes, in ns.
func (o *operations) baseline() (ns float64) {
	most := int64(-1)
	for _, op := range *o.byName.Load() {
		if n := op.succeeded.Load(); n > most {
			most, ns = n, op.baseline.Load()
		}
	}
	return ns
}
