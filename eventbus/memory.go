package eventbus

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/internal/duration"
)

// MemoryPolicy is how a [Memory] bus delivers. The zero MemoryPolicy is the
// recommended one.
type MemoryPolicy struct {
	// Buffer is how many events wait for a group before Publish waits too; zero
	// is 1024.
	Buffer int `json:"buffer"`
	// Backoff is the shortest pause before an event whose handler failed comes
	// again; zero is 100 ms.
	Backoff time.Duration `json:"backoff"`
	// MaxBackoff is the longest; zero is 10 s, or Backoff where that is longer.
	MaxBackoff time.Duration `json:"max_backoff"`
}

// MarshalJSON writes durations as "1s".
func (p MemoryPolicy) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (p *MemoryPolicy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// Validate reports every fault of the policy at once, as fault.InvalidArgument.
func (p MemoryPolicy) Validate() error {
	var faults []error
	if p.Buffer < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("buffer: %d is less than nothing", p.Buffer))
	}
	if p.Backoff < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("backoff: %s is less than nothing", p.Backoff))
	}
	if p.MaxBackoff < 0 || p.MaxBackoff > 0 && p.MaxBackoff < p.Backoff {
		faults = append(faults, fault.InvalidArgument.Errorf("max_backoff: %s is less than backoff, %s", p.MaxBackoff, p.Backoff))
	}
	return errors.Join(faults...)
}

func (p MemoryPolicy) withDefaults() MemoryPolicy {
	p.Buffer = cmp.Or(p.Buffer, 1024)
	p.Backoff = cmp.Or(p.Backoff, 100*time.Millisecond)
	p.MaxBackoff = cmp.Or(p.MaxBackoff, max(10*time.Second, p.Backoff))
	return p
}

// Memory is a [Bus] within this process.
type Memory struct {
	policy  MemoryPolicy
	waiting atomic.Int64 // events that some group has not handled
	idle    chan struct{}

	mu     sync.RWMutex
	topics map[string][]*group // replaced, never changed
	state  int
}

// The life of a bus: open, then draining, then closed.
const (
	open = iota
	draining
	closed
)

var _ Bus = (*Memory)(nil)

// NewMemory makes a bus. Close it. It panics when the policy does not validate.
func NewMemory(p MemoryPolicy) *Memory {
	if err := p.Validate(); err != nil {
		panic("eventbus.NewMemory: " + err.Error())
	}
	return &Memory{policy: p.withDefaults(), idle: make(chan struct{}, 1), topics: map[string][]*group{}}
}

// Publish implements [Publisher].
func (b *Memory) Publish(ctx context.Context, topic string, events ...Event) error {
	_, nested := EventOf(ctx) // a handler must not wait for itself
	b.mu.RLock()
	groups, state := b.topics[topic], b.state
	b.mu.RUnlock()
	if state == closed || state == draining && !nested {
		return errClosed(topic)
	}
	for _, e := range events {
		if err := ctx.Err(); err != nil {
			return err
		}
		e = e.Complete(topic)
		if len(groups) > 0 && e.value != nil {
			e.value = e.value.kept()
		}
		for _, g := range groups {
			if err := g.put(ctx, e, nested); err != nil {
				return err
			}
		}
	}
	return nil
}

// Subscribe implements [Subscriber].
func (b *Memory) Subscribe(topic, name string, h Handler) (stop func(context.Context) error, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state != open {
		return nil, errClosed(topic)
	}
	groups := b.topics[topic]
	at := slices.IndexFunc(groups, func(g *group) bool { return name != "" && g.name == name })
	var m *member
	if at >= 0 {
		m = groups[at].join(h)
	}
	if m == nil { // no such group, or one that is ending
		g := newGroup(b, topic, name)
		m = g.join(h)
		b.topics[topic] = append(slices.Clip(groups), g)
	}
	return m.stop, nil
}

// Close implements [Bus].
func (b *Memory) Close(ctx context.Context) error {
	b.mu.Lock()
	if b.state == open {
		b.state = draining
	}
	b.mu.Unlock()
	for b.waiting.Load() > 0 && ctx.Err() == nil {
		select {
		case <-b.idle:
		case <-ctx.Done():
		}
	}
	b.mu.Lock()
	b.state = closed
	var members []*member
	for _, groups := range b.topics {
		for _, g := range groups {
			members = append(members, g.everybody()...)
		}
	}
	b.mu.Unlock()
	select {
	case b.idle <- struct{}{}: // for another Close
	default:
	}
	left := b.waiting.Load()
	for _, m := range members {
		_ = m.stop(ctx)
	}
	if left > 0 {
		return fault.DeadlineExceeded.Errorf("the bus was closed with %d deliveries undone: %w", left, ctx.Err())
	}
	return ctx.Err()
}

// drop forgets a group without members.
func (b *Memory) drop(g *group) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.topics[g.topic] = slices.DeleteFunc(slices.Clone(b.topics[g.topic]), func(other *group) bool { return other == g })
	if len(b.topics[g.topic]) == 0 {
		delete(b.topics, g.topic)
	}
}

// done notes that n deliveries need not be made any more.
func (b *Memory) done(n int) {
	if n > 0 && b.waiting.Add(int64(-n)) == 0 {
		select {
		case b.idle <- struct{}{}:
		default:
		}
	}
}

func (b *Memory) failed(g *group, e Event, err error, pause time.Duration) {
	slog.Warn("an event will be delivered again", "topic", g.topic, "group", g.name, "event", e.ID, "error", err, "pause", pause)
}

func (b *Memory) pauses() backoff.Policy {
	return backoff.Policy{Min: b.policy.Backoff, Max: b.policy.MaxBackoff}
}

func errClosed(topic string) error {
	return fault.FailedPrecondition.Errorf("topic %s: the bus is closed", topic)
}
