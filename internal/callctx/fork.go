package callctx

import (
	"context"
	"slices"
	"sync"
)

// Fork lets another goroutine make a second attempt of a call while the first goes on.
// It is safe for concurrent use.
type Fork struct {
	mu   sync.Mutex
	call Call
}

// Fork returns the source of a second attempt, which has the record of this moment, and
// the instances that are tried from then on.
func (c *Call) Fork() *Fork {
	f := &Fork{call: *c}
	f.call.Tried, f.call.fork = slices.Clone(c.Tried), nil
	f.call.Waited()
	f.call.refused = 0
	c.fork = f
	return f
}

// With starts the second attempt in ctx. Without a fork it returns ctx and nil.
func (f *Fork) With(ctx context.Context) (context.Context, *Call) {
	if f == nil {
		return ctx, nil
	}
	f.mu.Lock()
	c := f.call
	c.Tried = slices.Clone(c.Tried)
	f.mu.Unlock()
	return withCall(ctx, c)
}

func (f *Fork) addTried(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call.Tried = append(f.call.Tried, id)
}
