package registry

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// Memory is a [Registry] for the services of one process. It lives as long as its
// instances do, so nothing is renewed and nothing expires. It is safe for concurrent use.
type Memory struct {
	mu        sync.Mutex
	instances map[string]Instance
	changed   map[string]chan struct{} // by service; closed at its next change
}

// NewMemory returns an empty registry.
func NewMemory() *Memory {
	return &Memory{instances: map[string]Instance{}, changed: map[string]chan struct{}{}}
}

// Register implements [Registrar].
func (m *Memory) Register(ctx context.Context, i Instance) error {
	if err := cmp.Or(i.Validate(), contextFault(ctx)); err != nil {
		return err
	}
	now := time.Now().UTC()
	i.Status = cmp.Or(i.Status, Healthy)
	i.Metadata, i.Tags = maps.Clone(i.Metadata), slices.Clone(i.Tags)
	i.LastHeartbeat, i.RegisteredAt, i.UpdatedAt = now, now, now
	m.mu.Lock()
	defer m.mu.Unlock()
	if before, ok := m.instances[i.ID]; ok {
		i.RegisteredAt = before.RegisteredAt
		if before.Name != i.Name {
			m.notify(before.Name)
		}
	}
	m.instances[i.ID] = i
	m.notify(i.Name)
	return nil
}

// Deregister implements [Registrar]. It works even if ctx has ended.
func (m *Memory) Deregister(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i, ok := m.instances[id]; ok {
		delete(m.instances, id)
		m.notify(i.Name)
	}
	return nil
}

// SetStatus implements [Registrar].
func (m *Memory) SetStatus(ctx context.Context, id string, s Status) error {
	if err := cmp.Or(s.Validate(), contextFault(ctx)); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	i, ok := m.instances[id]
	if !ok {
		return fault.NotFound.Errorf("no instance %q is registered", id)
	}
	now := time.Now().UTC()
	i.Status, i.UpdatedAt, i.LastHeartbeat = s, now, now
	m.instances[id] = i
	m.notify(i.Name)
	return nil
}

// Watch implements [Discoverer]. It never yields an error.
func (m *Memory) Watch(ctx context.Context, name string) iter.Seq2[[]Instance, error] {
	return func(yield func([]Instance, error) bool) {
		for ctx.Err() == nil {
			now, changed := m.current(name)
			if !yield(now, nil) {
				return
			}
			select {
			case <-ctx.Done():
			case <-changed:
			}
		}
	}
}

// Services implements [Discoverer].
func (m *Memory) Services(ctx context.Context, tags ...string) ([]Instance, error) {
	if err := contextFault(ctx); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.matching(func(i Instance) bool { return i.HasTags(tags...) }), nil
}

func (m *Memory) current(name string) ([]Instance, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	changed, ok := m.changed[name]
	if !ok {
		changed = make(chan struct{})
		m.changed[name] = changed
	}
	return m.matching(func(i Instance) bool { return i.Name == name }), changed
}

func (m *Memory) matching(want func(Instance) bool) []Instance {
	found := []Instance{}
	for _, i := range m.instances {
		if want(i) {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(a, b Instance) int { return cmp.Compare(a.ID, b.ID) })
	return found
}

func (m *Memory) notify(name string) {
	if changed, ok := m.changed[name]; ok {
		close(changed)
		delete(m.changed, name)
	}
}

// contextFault returns the error of ctx as a fault, or nil while ctx has not ended.
func contextFault(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fault.CodeOf(err).Errorf("the registry was not asked: %w", err)
	}
	return nil
}
