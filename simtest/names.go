package simtest

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

// names is the registry of a world: one that can be away.
type names struct {
	*registry.Memory

	mu      sync.Mutex
	down    bool
	changed chan struct{} // closed when down changes
}

var _ registry.Registry = (*names)(nil)

var errRegistryDown = fault.Unavailable.Errorf("the registry does not answer").WithUnprocessed()

func newNames() *names { return &names{Memory: registry.NewMemory(), changed: make(chan struct{})} }

func (n *names) set(down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = down
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *names) look() (down bool, changed <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.down, n.changed
}

// Register implements registry.Registrar.
func (n *names) Register(ctx context.Context, i registry.Instance) error {
	if down, _ := n.look(); down {
		return errRegistryDown
	}
	return n.Memory.Register(ctx, i)
}

// Deregister implements registry.Registrar.
func (n *names) Deregister(ctx context.Context, id string) error {
	if down, _ := n.look(); down {
		return errRegistryDown
	}
	return n.Memory.Deregister(ctx, id)
}

// Watch implements registry.Discoverer. While the registry is away it gives an
// error and then nothing, as one that is asked again and again.
func (n *names) Watch(ctx context.Context, name string) iter.Seq2[[]registry.Instance, error] {
	return func(yield func([]registry.Instance, error) bool) {
		for ctx.Err() == nil {
			down, changed := n.look()
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
			if !n.whileUp(ctx, name, changed, yield) {
				return
			}
		}
	}
}

// whileUp hands on what the registry says until it goes away; false when its
// reader wants no more.
func (n *names) whileUp(ctx context.Context, name string, changed <-chan struct{}, yield func([]registry.Instance, error) bool) bool {
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
		told := false
		for set, err := range n.Memory.Watch(up, name) {
			if told || up.Err() != nil {
				break
			}
			if told = true; !yield(set, err) {
				return false
			}
		}
		time.Sleep(hair) // what changes at one moment is told as one change, whoever comes first
	}
	return true
}
