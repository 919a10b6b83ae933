package idempotency

import (
	"bytes"
	"container/heap"
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// The limits of a Memory: its keys, the bytes of its answers, and how many expired
// keys a claim removes.
const (
	maxMemoryKeys  = 100_000
	maxMemoryBytes = 64 << 20
	maxMemoryTidy  = 16
)

// scopePrefixLen is how many characters the keys of one scope have in common; see [Once].
const scopePrefixLen = 32

// Memory is a [Store] for one instance, in memory. It stores 100,000 keys
// and 64 MiB of answers. Beyond that it drops an answer of the largest scope, so that no
// caller and no operation can push out the answers of a smaller one. Of that scope it
// drops the answer that would expire first, so that refusals, which are stored for a
// minute, go before other answers. It never drops a running claim. Callers that are not
// distinguished share a scope: see call.Record.Subject. It is safe for concurrent use.
type Memory struct {
	mu       sync.Mutex
	keys     map[string]*memoryKey
	byExpiry memoryHeap[*memoryKey] // all keys, the first to expire at the top
	scopes   map[string]*memoryScope
	byWeight memoryHeap[*memoryScope] // the largest at the top
	bytes    int                      // of all answers
	claims   uint64
}

type memoryKey struct {
	key, claim              string
	fingerprint             []byte
	answer                  []byte
	answered                bool
	expiresAt               time.Time
	sequence                uint64
	expiryIndex, scopeIndex int // index in these heaps
}

// memoryScope holds the answers of one scope.
type memoryScope struct {
	name    string
	answers memoryHeap[*memoryKey] // the first to expire at the top
	bytes   int
	index   int
}

// NewMemory makes an empty store.
func NewMemory() *Memory {
	return &Memory{
		keys:     map[string]*memoryKey{},
		scopes:   map[string]*memoryScope{},
		byExpiry: memoryHeap[*memoryKey]{less: expiresBefore, setIndex: func(k *memoryKey, i int) { k.expiryIndex = i }},
		byWeight: memoryHeap[*memoryScope]{
			less:     func(a, b *memoryScope) bool { return a.weight() > b.weight() },
			setIndex: func(s *memoryScope, i int) { s.index = i },
		},
	}
}

func expiresBefore(a, b *memoryKey) bool {
	if !a.expiresAt.Equal(b.expiresAt) {
		return a.expiresAt.Before(b.expiresAt)
	}
	return a.sequence < b.sequence
}

// weight is the scope's share of the store in bytes: each key counts as its share of a
// full store.
func (s *memoryScope) weight() int {
	return s.bytes + len(s.answers.items)*(maxMemoryBytes/maxMemoryKeys)
}

// Claim implements [Store]. It refuses with fault.Unavailable if the store is
// full of running claims.
func (s *Memory) Claim(_ context.Context, key string, fingerprint []byte, lease time.Duration) (string, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if k, ok := s.keys[key]; ok {
		if now.Before(k.expiresAt) {
			answer, err := k.reuse(fingerprint)
			return "", answer, err
		}
		s.remove(k)
	}
	s.tidy(now)
	if len(s.keys) >= maxMemoryKeys && !s.evict() {
		return "", nil, fault.Unavailable.Errorf("the idempotency store is full: %d keyed requests are running", maxMemoryKeys).WithUnprocessed()
	}
	s.claims++
	k := &memoryKey{key: key, claim: strconv.FormatUint(s.claims, 36), fingerprint: bytes.Clone(fingerprint), expiresAt: now.Add(lease), sequence: s.claims}
	s.keys[key] = k
	heap.Push(&s.byExpiry, k)
	return k.claim, nil, nil
}

// Renew implements [Store].
func (s *Memory) Renew(_ context.Context, key, claim string, lease time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.findClaim(key, claim); k != nil {
		k.expiresAt = time.Now().Add(lease)
		heap.Fix(&s.byExpiry, k.expiryIndex)
	}
	return nil
}

// Answer implements [Store].
func (s *Memory) Answer(_ context.Context, key, claim string, answer []byte, ttl time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.findClaim(key, claim)
	if k == nil {
		return nil
	}
	k.answer, k.answered, k.expiresAt = bytes.Clone(answer), true, time.Now().Add(ttl)
	heap.Fix(&s.byExpiry, k.expiryIndex)
	scope := s.scope(key)
	heap.Push(&scope.answers, k)
	scope.bytes += len(answer)
	s.bytes += len(answer)
	heap.Fix(&s.byWeight, scope.index)
	for s.bytes > maxMemoryBytes && s.evict() {
		continue
	}
	return nil
}

// Release implements [Store].
func (s *Memory) Release(_ context.Context, key, claim string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.findClaim(key, claim); k != nil {
		s.remove(k)
	}
	return nil
}

// findClaim returns the key with this running claim, or nil.
func (s *Memory) findClaim(key, claim string) *memoryKey {
	k, ok := s.keys[key]
	if !ok || k.claim != claim || k.answered {
		return nil
	}
	return k
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

// scope returns the scope of the key, and makes it if there is none.
func (s *Memory) scope(key string) *memoryScope {
	name := scopeOf(key)
	of, ok := s.scopes[name]
	if !ok {
		of = &memoryScope{name: name, answers: memoryHeap[*memoryKey]{less: expiresBefore, setIndex: func(k *memoryKey, i int) { k.scopeIndex = i }}}
		s.scopes[name] = of
		heap.Push(&s.byWeight, of)
	}
	return of
}

func scopeOf(key string) string {
	if len(key) < scopePrefixLen {
		return ""
	}
	return key[:scopePrefixLen]
}

// tidy removes some expired keys.
func (s *Memory) tidy(now time.Time) {
	for range maxMemoryTidy {
		if len(s.byExpiry.items) == 0 || now.Before(s.byExpiry.items[0].expiresAt) {
			return
		}
		s.remove(s.byExpiry.items[0])
	}
}

// evict drops an answer of the largest scope. It returns false if there is none.
func (s *Memory) evict() bool {
	if len(s.byWeight.items) == 0 {
		return false
	}
	s.remove(s.byWeight.items[0].answers.items[0])
	return true
}

func (s *Memory) remove(k *memoryKey) {
	delete(s.keys, k.key)
	heap.Remove(&s.byExpiry, k.expiryIndex)
	if !k.answered {
		return
	}
	of := s.scope(k.key)
	heap.Remove(&of.answers, k.scopeIndex)
	of.bytes -= len(k.answer)
	s.bytes -= len(k.answer)
	if len(of.answers.items) > 0 {
		heap.Fix(&s.byWeight, of.index)
		return
	}
	heap.Remove(&s.byWeight, of.index)
	delete(s.scopes, of.name)
}

// memoryHeap implements heap.Interface. Its values know their index.
type memoryHeap[T any] struct {
	items    []T
	less     func(a, b T) bool
	setIndex func(value T, at int)
}

func (h *memoryHeap[T]) Len() int           { return len(h.items) }
func (h *memoryHeap[T]) Less(i, j int) bool { return h.less(h.items[i], h.items[j]) }

func (h *memoryHeap[T]) Swap(i, j int) {
	h.items[i], h.items[j] = h.items[j], h.items[i]
	h.setIndex(h.items[i], i)
	h.setIndex(h.items[j], j)
}

func (h *memoryHeap[T]) Push(value any) {
	h.setIndex(value.(T), len(h.items))
	h.items = append(h.items, value.(T))
}

func (h *memoryHeap[T]) Pop() any {
	last := len(h.items) - 1
	value := h.items[last]
	var none T
	h.items[last] = none
	h.items = h.items[:last]
	return value
}
