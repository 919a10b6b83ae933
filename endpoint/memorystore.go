package endpoint

import (
	"bytes"
	"container/heap"
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// How many keys a MemoryStore holds, and answers of how many bytes together,
// before it forgets answers; and how many lapsed keys a claim removes at most.
const (
	memoryKeys  = 100_000
	memoryBytes = 64 << 20
	memoryTidy  = 16
)

// scopeDigits is the part of a key of [Once] that is the same in all of its scope.
const scopeDigits = 32

// MemoryStore is an [IdempotencyStore] for one instance, in memory. It holds
// 100,000 keys and 64 MiB of answers. Beyond that it forgets an answer of the
// scope that holds most, so that no caller and no operation can push out the
// answers of another that holds less; and of that scope the answer that would go
// first anyway, so that refusals, which are kept for a minute, go before answers.
// It forgets no running claim. Callers that nobody tells apart are one scope: see
// [Call].Subject. It is safe for concurrent use.
type MemoryStore struct {
	mu     sync.Mutex
	keys   map[string]*memoryKey
	due    memoryHeap[*memoryKey] // all keys, what lapses first at the top
	scopes map[string]*memoryScope
	most   memoryHeap[*memoryScope] // what holds most at the top
	bytes  int                      // of the answers
	claims uint64
}

type memoryKey struct {
	key, claim   string
	fingerprint  []byte
	answer       []byte
	answered     bool
	until        time.Time
	number       uint64
	due, inScope int // where it is in these heaps
}

// memoryScope are the answers of one scope.
type memoryScope struct {
	name    string
	answers memoryHeap[*memoryKey] // what lapses first at the top
	bytes   int
	at      int
}

// NewMemoryStore makes an empty store.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{
		keys:   map[string]*memoryKey{},
		scopes: map[string]*memoryScope{},
		due:    memoryHeap[*memoryKey]{before: lapsesBefore, put: func(k *memoryKey, i int) { k.due = i }},
		most: memoryHeap[*memoryScope]{
			before: func(a, b *memoryScope) bool { return a.weight() > b.weight() },
			put:    func(s *memoryScope, i int) { s.at = i },
		},
	}
}

func lapsesBefore(a, b *memoryKey) bool {
	if !a.until.Equal(b.until) {
		return a.until.Before(b.until)
	}
	return a.number < b.number
}

// weight is how much of the store a scope takes, in bytes: each key counts as its
// share of a full store.
func (s *memoryScope) weight() int {
	return s.bytes + len(s.answers.all)*(memoryBytes/memoryKeys)
}

// Claim implements [IdempotencyStore]. A store full of running claims refuses
// with fault.Unavailable.
func (s *MemoryStore) Claim(_ context.Context, key string, fingerprint []byte, lease time.Duration) (string, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if k, ok := s.keys[key]; ok {
		if now.Before(k.until) {
			answer, err := k.reuse(fingerprint)
			return "", answer, err
		}
		s.remove(k)
	}
	s.tidy(now)
	if len(s.keys) >= memoryKeys && !s.evict() {
		return "", nil, fault.Unavailable.Errorf("the idempotency store is full: %d keyed requests are running", memoryKeys).WithUnprocessed()
	}
	s.claims++
	k := &memoryKey{key: key, claim: strconv.FormatUint(s.claims, 36), fingerprint: bytes.Clone(fingerprint), until: now.Add(lease), number: s.claims}
	s.keys[key] = k
	heap.Push(&s.due, k)
	return k.claim, nil, nil
}

// Renew implements [IdempotencyStore].
func (s *MemoryStore) Renew(_ context.Context, key, claim string, lease time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.claimed(key, claim); k != nil {
		k.until = time.Now().Add(lease)
		heap.Fix(&s.due, k.due)
	}
	return nil
}

// Answer implements [IdempotencyStore].
func (s *MemoryStore) Answer(_ context.Context, key, claim string, answer []byte, ttl time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.claimed(key, claim)
	if k == nil {
		return nil
	}
	k.answer, k.answered, k.until = bytes.Clone(answer), true, time.Now().Add(ttl)
	heap.Fix(&s.due, k.due)
	of := s.scope(key)
	heap.Push(&of.answers, k)
	of.bytes += len(answer)
	s.bytes += len(answer)
	heap.Fix(&s.most, of.at)
	for s.bytes > memoryBytes && s.evict() {
		continue
	}
	return nil
}

// Release implements [IdempotencyStore].
func (s *MemoryStore) Release(_ context.Context, key, claim string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.claimed(key, claim); k != nil {
		s.remove(k)
	}
	return nil
}

// claimed is the key whose running claim this is, or nil.
func (s *MemoryStore) claimed(key, claim string) *memoryKey {
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

// scope are the answers of the scope that the key is in.
func (s *MemoryStore) scope(key string) *memoryScope {
	name := scopeOf(key)
	of, ok := s.scopes[name]
	if !ok {
		of = &memoryScope{name: name, answers: memoryHeap[*memoryKey]{before: lapsesBefore, put: func(k *memoryKey, i int) { k.inScope = i }}}
		s.scopes[name] = of
		heap.Push(&s.most, of)
	}
	return of
}

func scopeOf(key string) string {
	if len(key) < scopeDigits {
		return ""
	}
	return key[:scopeDigits]
}

// tidy removes what has lapsed, a little at a time.
func (s *MemoryStore) tidy(now time.Time) {
	for range memoryTidy {
		if len(s.due.all) == 0 || now.Before(s.due.all[0].until) {
			return
		}
		s.remove(s.due.all[0])
	}
}

// evict forgets an answer of the scope that holds most.
func (s *MemoryStore) evict() bool {
	if len(s.most.all) == 0 {
		return false
	}
	s.remove(s.most.all[0].answers.all[0])
	return true
}

func (s *MemoryStore) remove(k *memoryKey) {
	delete(s.keys, k.key)
	heap.Remove(&s.due, k.due)
	if !k.answered {
		return
	}
	of := s.scope(k.key)
	heap.Remove(&of.answers, k.inScope)
	of.bytes -= len(k.answer)
	s.bytes -= len(k.answer)
	if len(of.answers.all) > 0 {
		heap.Fix(&s.most, of.at)
		return
	}
	heap.Remove(&s.most, of.at)
	delete(s.scopes, of.name)
}

// memoryHeap implements heap.Interface; its values know where they are.
type memoryHeap[T any] struct {
	all    []T
	before func(a, b T) bool
	put    func(value T, at int)
}

func (h *memoryHeap[T]) Len() int           { return len(h.all) }
func (h *memoryHeap[T]) Less(i, j int) bool { return h.before(h.all[i], h.all[j]) }

func (h *memoryHeap[T]) Swap(i, j int) {
	h.all[i], h.all[j] = h.all[j], h.all[i]
	h.put(h.all[i], i)
	h.put(h.all[j], j)
}

func (h *memoryHeap[T]) Push(value any) {
	h.put(value.(T), len(h.all))
	h.all = append(h.all, value.(T))
}

func (h *memoryHeap[T]) Pop() any {
	last := len(h.all) - 1
	value := h.all[last]
	var none T
	h.all[last] = none
	h.all = h.all[:last]
	return value
}
