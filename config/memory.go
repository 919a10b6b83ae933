package config

import (
	"context"
	"crypto/rand"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/change"
)

// MemoryPolicy configures [NewMemory]. The zero value accepts everything except encrypted
// configurations.
type MemoryPolicy struct {
	// Key seals encrypted configurations: 32 bytes in base64, see [NewSecretKey]. Without
	// a Key they are refused.
	Key Secret `json:"key" yaml:"key"`
}

// Validate returns fault.InvalidArgument if Key is not a valid key.
func (p MemoryPolicy) Validate() error {
	if p.Key.Reveal() == "" {
		return nil
	}
	_, err := newSealer(p.Key)
	return err
}

// Memory is a [Store] and [Watcher] within this process. Create it with [NewMemory]. It
// need not be closed, and is safe for concurrent use.
type Memory struct {
	seal *sealer // nil without a key

	mu      sync.Mutex
	buckets map[[2]string]*bucket
	changed change.Signal // any bucket has changed
}

var (
	_ Store   = (*Memory)(nil)
	_ Watcher = (*Memory)(nil)
)

// bucket is the configurations of one service in one environment.
type bucket struct {
	records  map[string]record
	versions map[string]int // the highest version of each key; deleted keys keep it, so that no version occurs twice
	changes  int
}

type record struct {
	c     Configuration // without its value
	value []byte        // its JSON, sealed if c is encrypted
}

// NewMemory returns an empty store. It panics if p does not Validate.
func NewMemory(p MemoryPolicy) *Memory {
	if err := p.Validate(); err != nil {
		panic("config.NewMemory: " + err.Error())
	}
	m := &Memory{buckets: map[[2]string]*bucket{}}
	if p.Key.Reveal() != "" {
		m.seal, _ = newSealer(p.Key) // cannot fail after Validate
	}
	return m
}

// Get implements [Store].
func (m *Memory) Get(ctx context.Context, service, environment, key string) (Configuration, error) {
	if err := ctx.Err(); err != nil {
		return Configuration{}, err
	}
	m.mu.Lock()
	r, ok := m.bucketOf(service, environment).records[key]
	m.mu.Unlock()
	if !ok {
		return Configuration{}, notFound(service, environment, key)
	}
	return m.open(r)
}

// Set implements [Store].
func (m *Memory) Set(ctx context.Context, c Configuration) (Configuration, error) {
	if err := ctx.Err(); err != nil {
		return Configuration{}, err
	}
	if err := c.Validate(); err != nil {
		return Configuration{}, err
	}
	if c.Encrypted && m.seal == nil {
		return Configuration{}, fault.FailedPrecondition.Errorf("configuration %s of %s is to be encrypted, and this store has no key: set MemoryPolicy.Key", c.Key, place(c.Service, c.Environment))
	}
	plain, t, err := c.valueJSON()
	if err != nil {
		return Configuration{}, err
	}
	r, err := m.put(c, t, plain)
	if err != nil {
		return Configuration{}, err
	}
	return r.c.withValueJSON(plain)
}

func (m *Memory) put(c Configuration, t Type, plain []byte) (record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := [2]string{c.Service, c.Environment}
	s, ok := m.buckets[at]
	if !ok {
		s = &bucket{records: map[string]record{}, versions: map[string]int{}}
	}
	old, now := s.records[c.Key], time.Now().UTC()
	if c.Version != old.c.Version {
		return record{}, fault.Aborted.Errorf("configuration %s of %s is at version %d, not %d: read it again",
			c.Key, place(c.Service, c.Environment), old.c.Version, c.Version).
			WithReason("version_conflict").WithDetail("version", old.c.Version)
	}
	c.ID, c.CreatedAt = old.c.ID, old.c.CreatedAt
	if c.Version == 0 {
		c.ID, c.CreatedAt = rand.Text(), now
	}
	c.Value, c.Type, c.UpdatedAt = nil, t, now
	s.versions[c.Key]++
	c.Version = s.versions[c.Key]
	r := record{c: c, value: plain}
	if c.Encrypted {
		r.value = m.seal.seal(plain, sealedName(c))
	}
	s.records[c.Key] = r
	m.buckets[at] = s
	m.notify(s)
	return r, nil
}

// Delete implements [Store].
func (m *Memory) Delete(ctx context.Context, service, environment, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.bucketOf(service, environment).records[key]; !ok {
		return notFound(service, environment, key)
	}
	s := m.buckets[[2]string{service, environment}]
	delete(s.records, key)
	m.notify(s)
	return nil
}

// List implements [Store].
func (m *Memory) List(ctx context.Context, service, environment string) ([]Configuration, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	records := m.bucketOf(service, environment).copy()
	m.mu.Unlock()
	return m.list(records)
}

// Watch implements [Watcher].
func (m *Memory) Watch(ctx context.Context, service, environment string) iter.Seq2[[]Configuration, error] {
	return func(yield func([]Configuration, error) bool) {
		sent := -1
		for ctx.Err() == nil {
			m.mu.Lock()
			snapshot, changed := m.bucketOf(service, environment).copy(), m.changed.Next()
			m.mu.Unlock()
			if snapshot.changes != sent {
				sent = snapshot.changes
				if !yield(m.list(snapshot)) {
					return
				}
			}
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}
}

func (m *Memory) list(s bucket) ([]Configuration, error) {
	list := make([]Configuration, 0, len(s.records))
	for _, r := range s.records {
		c, err := m.open(r)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Configuration) int { return strings.Compare(a.Key, b.Key) })
	return list, nil
}

// open returns a record as a Configuration that the caller may modify.
func (m *Memory) open(r record) (Configuration, error) {
	plain := r.value
	if r.c.Encrypted {
		var err error
		if plain, err = m.seal.open(r.value, sealedName(r.c)); err != nil {
			return Configuration{}, err
		}
	}
	return r.c.withValueJSON(plain)
}

// bucketOf returns the bucket of a service and environment, for reading. It is empty if
// nothing was written there. The caller holds mu.
func (m *Memory) bucketOf(service, environment string) bucket {
	if s, ok := m.buckets[[2]string{service, environment}]; ok {
		return *s
	}
	return bucket{}
}

// notify wakes the watches. The caller holds mu.
func (m *Memory) notify(s *bucket) {
	s.changes++
	m.changed.Notify()
}

// copy returns a copy that can be read without the lock.
func (s bucket) copy() bucket {
	return bucket{records: maps.Clone(s.records), changes: s.changes}
}

func notFound(service, environment, key string) error {
	return fault.NotFound.Errorf("no configuration %s of %s", key, place(service, environment))
}
