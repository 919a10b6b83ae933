package saga

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Memory is a [Store] in memory, for tests and for sagas that may end with the process.
type Memory struct {
	mu   sync.Mutex
	runs map[runKey]*memoryRun
}

type runKey struct{ saga, id string }

// memoryRun is a run in memory.
type memoryRun struct {
	Record
	token    int64
	claimed  bool
	due      time.Time // of the lease while it is claimed; zero is never
	sent     int64
	messages []Message
	history  []Entry
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{runs: map[runKey]*memoryRun{}} }

// Insert implements [Store].
func (m *Memory) Insert(ctx context.Context, r Record, history []Entry) (*Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	key := runKey{r.Saga, r.ID}
	if existing := m.runs[key]; existing != nil {
		found := existing.Record
		return &found, nil
	}
	r.Moved = time.Now()
	r.Started = r.Moved
	history = slices.Clone(history)
	for i := range history {
		history[i].Time = r.Moved
	}
	m.runs[key] = &memoryRun{Record: r, due: r.Moved, history: history}
	return nil, nil
}

// Claim implements [Store].
func (m *Memory) Claim(ctx context.Context, saga string, versions []int, lease time.Duration, limit int) ([]Claim, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	now := time.Now()
	due := m.find(saga, func(r *memoryRun) bool {
		return slices.Contains(versions, r.Version) && !r.due.IsZero() && !r.due.After(now)
	}, func(r *memoryRun) time.Time { return r.due })
	var claims []Claim
	for _, r := range due[:min(limit, len(due))] {
		interrupted := r.claimed
		r.token++
		r.claimed, r.due = true, now.Add(lease)
		claims = append(claims, Claim{Record: r.Record, Token: r.token, Now: now, Sent: r.sent, Interrupted: interrupted})
	}
	return claims, nil
}

// find returns the runs of a saga for which is returns true, in the order of their times.
func (m *Memory) find(saga string, is func(r *memoryRun) bool, by func(r *memoryRun) time.Time) (found []*memoryRun) {
	for key, r := range m.runs {
		if key.saga == saga && is(r) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *memoryRun) int { return cmp.Or(by(a).Compare(by(b)), cmp.Compare(a.ID, b.ID)) })
	return found
}

// claimed returns the run of a claim that is not lost.
func (m *Memory) claimed(ctx context.Context, c Claim) (*memoryRun, error) {
	r := m.runs[runKey{c.Saga, c.ID}]
	if r == nil || !r.claimed || r.token != c.Token {
		return nil, ErrClaimLost
	}
	return r, ctx.Err()
}

// Renew implements [Store].
func (m *Memory) Renew(ctx context.Context, c Claim, lease time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.claimed(ctx, c)
	if err == nil {
		r.due = time.Now().Add(lease)
	}
	return err
}

// Save implements [Store].
func (m *Memory) Save(ctx context.Context, c Claim, u Update) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, err := m.claimed(ctx, c)
	if err != nil {
		return err
	}
	r.Phase, r.Data, r.Moved = u.Phase, slices.Clone(u.Data), time.Now()
	r.history = append(r.history, u.History...)
	r.messages = slices.DeleteFunc(r.messages, func(m Message) bool { return m.N <= u.Read })
	if !u.Release {
		return nil
	}
	r.claimed, r.due = false, u.Due
	if r.sent > u.Read && !isEnd(r.Phase) {
		r.due = r.Moved
	}
	return nil
}

// Send implements [Store].
func (m *Memory) Send(ctx context.Context, saga, id string, message []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.runs[runKey{saga, id}]
	if r == nil || ctx.Err() != nil {
		return false, ctx.Err()
	}
	r.sent++
	r.messages = append(r.messages, Message{N: r.sent, Data: slices.Clone(message)})
	if !r.claimed && !isEnd(r.Phase) {
		r.due = time.Now()
	}
	return true, nil
}

// Messages implements [Store].
func (m *Memory) Messages(ctx context.Context, saga, id string, after int64) (found []Message, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.runs[runKey{saga, id}]; r != nil {
		for _, message := range r.messages {
			if message.N > after {
				found = append(found, message)
			}
		}
	}
	return found, ctx.Err()
}

// Get implements [Store].
func (m *Memory) Get(ctx context.Context, saga, id string) (*Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.runs[runKey{saga, id}]
	if r == nil {
		return nil, ctx.Err()
	}
	found := r.Record
	return &found, ctx.Err()
}

// History implements [Store].
func (m *Memory) History(ctx context.Context, saga, id string) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.runs[runKey{saga, id}]
	if r == nil {
		return nil, ctx.Err()
	}
	return slices.Clone(r.history), ctx.Err()
}

// Stuck implements [Store].
func (m *Memory) Stuck(ctx context.Context, saga string, versions []int, age time.Duration, limit int) (found []Record, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	stuck := m.find(saga, func(r *memoryRun) bool {
		hasTimer := !r.claimed && r.due.After(now)
		return !isEnd(r.Phase) && (r.Phase == Parked || !slices.Contains(versions, r.Version) || !hasTimer && !r.Moved.After(now.Add(-age)))
	}, func(r *memoryRun) time.Time { return r.Moved })
	for _, r := range stuck[:min(limit, len(stuck))] {
		found = append(found, r.Record)
	}
	return found, ctx.Err()
}

// Count implements [Store].
func (m *Memory) Count(ctx context.Context, saga string) (Counts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, c := time.Now(), Counts{Runs: map[Phase]int64{}}
	for key, r := range m.runs {
		if key.saga != saga {
			continue
		}
		c.Runs[r.Phase]++
		if !isEnd(r.Phase) {
			c.Oldest = max(c.Oldest, now.Sub(r.Moved))
			if !r.due.IsZero() {
				c.Overdue = max(c.Overdue, now.Sub(r.due))
			}
		}
	}
	return c, ctx.Err()
}
