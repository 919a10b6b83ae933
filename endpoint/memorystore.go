package endpoint

import (
	"bytes"
	"container/list"
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// How many keys a MemoryStore holds, and answers of how many bytes together,
// before it forgets the oldest answers.
const (
	memoryKeys  = 100_000
	memoryBytes = 64 << 20
)

// MemoryStore is an [IdempotencyStore] for one instance, in memory. It holds
// the newest 100,000 keys and 64 MiB of answers; an older answer is forgotten, a
// running claim never. It is safe for concurrent use.
type MemoryStore struct {
	mu     sync.Mutex
	keys   map[string]*list.Element
	age    *list.List // of *memoryKey, oldest first
	bytes  int        // of the answers
	claims uint64
}

type memoryKey struct {
	key, claim  string
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
func (s *MemoryStore) Claim(_ context.Context, key string, fingerprint []byte, lease time.Duration) (string, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if at, ok := s.keys[key]; ok {
		if k := at.Value.(*memoryKey); now.Before(k.until) {
			answer, err := k.reuse(fingerprint)
			return "", answer, err
		}
		s.remove(at)
	}
	if len(s.keys) >= memoryKeys && !s.evict(now) {
		return "", nil, fault.Unavailable.Errorf("the idempotency store is full: %d keyed requests are running", memoryKeys).WithUnprocessed()
	}
	s.claims++
	k := &memoryKey{key: key, claim: strconv.FormatUint(s.claims, 36), fingerprint: bytes.Clone(fingerprint), until: now.Add(lease)}
	s.keys[key] = s.age.PushBack(k)
	return k.claim, nil, nil
}

// Renew implements [IdempotencyStore].
func (s *MemoryStore) Renew(_ context.Context, key, claim string, lease time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.claimed(key, claim); at != nil {
		at.Value.(*memoryKey).until = time.Now().Add(lease)
	}
	return nil
}

// Answer implements [IdempotencyStore].
func (s *MemoryStore) Answer(_ context.Context, key, claim string, answer []byte, ttl time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.claimed(key, claim)
	if at == nil {
		return nil
	}
	k := at.Value.(*memoryKey)
	k.answer, k.answered, k.until = bytes.Clone(answer), true, time.Now().Add(ttl)
	s.bytes += len(answer)
	for s.bytes > memoryBytes && s.evict(time.Now()) {
		continue
	}
	return nil
}

// Release implements [IdempotencyStore].
func (s *MemoryStore) Release(_ context.Context, key, claim string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.claimed(key, claim); at != nil {
		s.remove(at)
	}
	return nil
}

// claimed is the key whose running claim this is, or nil.
func (s *MemoryStore) claimed(key, claim string) *list.Element {
	at, ok := s.keys[key]
	if !ok || at.Value.(*memoryKey).claim != claim || at.Value.(*memoryKey).answered {
		return nil
	}
	return at
}

func (k *memoryKey) reuse(fingerprint []byte) ([]byte, error) {
	switch {
	case !bytes.Equal(k.fingerprint, fingerprint):
		return nil, KeyReused()
	case !k.answered:
		return nil, KeyInUse()
	default:
		return bytes.Clone(k.answer), nil
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
	k := at.Value.(*memoryKey)
	s.age.Remove(at)
	s.bytes -= len(k.answer)
	delete(s.keys, k.key)
}
