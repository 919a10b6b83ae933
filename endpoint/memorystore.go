package endpoint

import (
	"bytes"
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// memoryKeys is how many keys a MemoryStore holds before it forgets the oldest
// answers.
const memoryKeys = 100_000

// MemoryStore is an [IdempotencyStore] for one instance, in memory. It holds
// the newest 100,000 keys; an older answer is forgotten, a running claim never.
// It is safe for concurrent use.
type MemoryStore struct {
	mu   sync.Mutex
	keys map[string]*list.Element
	age  *list.List // of *memoryKey, oldest first
}

type memoryKey struct {
	key         string
	fingerprint []byte
	answer      []byte
	answered    bool
	until       time.Time
}

// NewMemoryStore makes an empty store.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{keys: map[string]*list.Element{}, age: list.New()}
}

// Claim implements [IdempotencyStore]. A store full of running claims refuses
// with fault.Unavailable.
func (s *MemoryStore) Claim(_ context.Context, key string, fingerprint []byte, lease time.Duration) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if at, ok := s.keys[key]; ok {
		if k := at.Value.(*memoryKey); now.Before(k.until) {
			return k.reuse(fingerprint)
		}
		s.remove(at)
	}
	if len(s.keys) >= memoryKeys && !s.evict(now) {
		return nil, false, fault.Unavailable.Errorf("the idempotency store is full: %d keyed requests are running", memoryKeys).WithUnprocessed()
	}
	s.keys[key] = s.age.PushBack(&memoryKey{key: key, fingerprint: bytes.Clone(fingerprint), until: now.Add(lease)})
	return nil, true, nil
}

// Answer implements [IdempotencyStore].
func (s *MemoryStore) Answer(_ context.Context, key string, answer []byte, ttl time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.keys[key]; ok {
		k := at.Value.(*memoryKey)
		k.answer, k.answered, k.until = bytes.Clone(answer), true, time.Now().Add(ttl)
	}
	return nil
}

// Release implements [IdempotencyStore].
func (s *MemoryStore) Release(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.keys[key]; ok && !at.Value.(*memoryKey).answered {
		s.remove(at)
	}
	return nil
}

func (k *memoryKey) reuse(fingerprint []byte) ([]byte, bool, error) {
	switch {
	case !bytes.Equal(k.fingerprint, fingerprint):
		return nil, false, KeyReused()
	case !k.answered:
		return nil, false, KeyInUse()
	default:
		return bytes.Clone(k.answer), false, nil
	}
}

// evict drops the oldest key that no run holds.
func (s *MemoryStore) evict(now time.Time) bool {
	for at := s.age.Front(); at != nil; at = at.Next() {
		if k := at.Value.(*memoryKey); k.answered || !now.Before(k.until) {
			s.remove(at)
			return true
		}
	}
	return false
}

func (s *MemoryStore) remove(at *list.Element) {
	s.age.Remove(at)
	delete(s.keys, at.Value.(*memoryKey).key)
}
