package simtest

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/change"
	"github.com/sinew-go/sinew/registry"
)

// worldRegistry is the registry of a world, which can be down.
type worldRegistry struct {
	*registry.Memory

	mu      sync.Mutex
	down    bool
	changed change.Signal // down has changed
}

var _ registry.Registry = (*worldRegistry)(nil)

var errRegistryDown = fault.Unavailable.Errorf("the registry does not answer").WithUnprocessed()

func newWorldRegistry() *worldRegistry {
	return &worldRegistry{Memory: registry.NewMemory()}
}

func (r *worldRegistry) set(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
	r.changed.Notify()
}

func (r *worldRegistry) state() (down bool, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.down, r.changed.Next()
}

// Register implements registry.Registrar.
func (r *worldRegistry) Register(ctx context.Context, i registry.Instance) error {
	if down, _ := r.state(); down {
		return errRegistryDown
	}
	return r.Memory.Register(ctx, i)
}

// Deregister implements registry.Registrar.
func (r *worldRegistry) Deregister(ctx context.Context, id string) error {
	if down, _ := r.state(); down {
		return errRegistryDown
	}
	return r.Memory.Deregister(ctx, id)
}

// Watch implements registry.Discoverer. While the registry is down it yields one error
// and then nothing, like a watch that keeps retrying.
func (r *worldRegistry) Watch(ctx context.Context, name string) iter.Seq2[[]registry.Instance, error] {
	return func(yield func([]registry.Instance, error) bool) {
		for ctx.Err() == nil {
			down, changed := r.state()
			if down {
				if !yield(nil, errRegistryDown) {
					return
				}
				select {
				case <-ctx.Done():
				case <-changed:
				}
				continue
			}
			if !r.forward(ctx, name, changed, yield) {
				return
			}
		}
	}
}

// forward yields what the registry reports until it goes down. It is false if the reader
// breaks off.
func (r *worldRegistry) forward(ctx context.Context, name string, changed <-chan struct{}, yield func([]registry.Instance, error) bool) bool {
	up, cancel := context.WithCancel(ctx)
	defer cancel()
	gone := make(chan struct{})
	defer func() { <-gone }()
	defer cancel()
	go func() {
		defer close(gone)
		select {
		case <-changed:
			cancel()
		case <-up.Done():
		}
	}()
	for up.Err() == nil {
		yielded := false
		for set, err := range r.Memory.Watch(up, name) {
			if yielded || up.Err() != nil {
				break
			}
			if yielded = true; !yield(set, err) {
				return false
			}
		}
		time.Sleep(tieBreak) // changes at one moment are reported as one, in whatever order they happen
	}
	return true
}
