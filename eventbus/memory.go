package eventbus

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/internal/deadline"
	"github.com/sinew-go/sinew/internal/duration"
)

// MemoryPolicy is how a [Memory] bus delivers. The zero MemoryPolicy is the
// recommended one.
type MemoryPolicy struct {
	// Buffer is how many events wait for a group before Publish waits too; zero
	// is 1024.
	Buffer int `json:"buffer" yaml:"buffer"`
	// Backoff is the shortest pause before an event whose handler failed is
	// redelivered; zero is 100 ms.
	Backoff time.Duration `json:"backoff" yaml:"backoff"`
	// MaxBackoff is the longest; zero is 10 s, or Backoff where that is longer.
	MaxBackoff time.Duration `json:"max_backoff" yaml:"max_backoff"`
}

// MarshalJSON writes durations as "1s".
func (p MemoryPolicy) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (p *MemoryPolicy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// Validate reports every fault of the policy at once, as fault.InvalidArgument.
func (p MemoryPolicy) Validate() error {
	var faults []error
	if p.Buffer < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("buffer: %d is negative", p.Buffer))
	}
	if p.Backoff < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("backoff: %s is negative", p.Backoff))
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
	policy MemoryPolicy
	idle   chan struct{} // told when a group has nothing left to handle

	mu  sync.Mutex // held to change now
	now atomic.Pointer[subscribed]
}

// subscribed is who subscribes to what. It is replaced, never changed.
type subscribed struct {
	topics map[string][]*group
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
	b := &Memory{policy: p.withDefaults(), idle: make(chan struct{}, 1)}
	b.now.Store(&subscribed{topics: map[string][]*group{}})
	return b
}

// Publish implements [Publisher].
func (b *Memory) Publish(ctx context.Context, topic string, events ...Event) error {
	for _, e := range events {
		if err := b.publish(ctx, topic, &e); err != nil {
			return err
		}
	}
	return nil
}

// publish publishes e, which it completes.
func (b *Memory) publish(ctx context.Context, topic string, e *Event) error {
	now := b.now.Load()
	if now.state == closed || now.state == draining && !isHandling(ctx) {
		return errClosed(topic)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	groups := now.topics[topic]
	if len(groups) == 0 {
		return nil
	}
	e.complete(topic)
	if len(groups) > 1 {
		e.encode() // or the first to handle it would make the others wait
	}
	if e.value != nil && !e.value.divide(len(groups)) {
		e.value = nil
	}
	for share, g := range groups {
		e.share = share
		if err := g.put(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// Hears says that somebody subscribes to the topic: what is published on another is
// gone.
func (b *Memory) Hears(topic string) bool { return len(b.now.Load().topics[topic]) > 0 }

// Subscribe implements [Subscriber].
func (b *Memory) Subscribe(topic, name string, h Handler) (stop func(context.Context) error, err error) {
	if h == nil {
		return nil, fault.InvalidArgument.Errorf("topic %s: the handler is nil", topic)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now.Load()
	if now.state != open {
		return nil, errClosed(topic)
	}
	for _, g := range now.topics[topic] {
		if name == "" || g.name != name {
			continue
		}
		if m := g.join(h); m != nil {
			return m.stop, nil
		}
	}
	g := newGroup(b, topic, name)
	b.change(topic, append(slices.Clip(now.topics[topic]), g))
	return g.join(h).stop, nil
}

// Close implements [Bus].
func (b *Memory) Close(ctx context.Context) error {
	ctx, cancel := deadline.EnsureEnd(ctx, EndTimeout)
	defer cancel()
	b.enter(draining)
	for b.undone() > 0 && ctx.Err() == nil {
		select {
		case <-b.idle:
		case <-ctx.Done():
		}
	}
	b.enter(closed)
	b.told() // another Close may wait, too
	left := b.undone()
	for _, groups := range b.now.Load().topics {
		for _, g := range groups {
			for _, m := range g.everybody() {
				_ = m.stop(ctx)
			}
		}
	}
	if left > 0 {
		return fault.DeadlineExceeded.Errorf("the bus was closed with %d deliveries undone: %w", left, ctx.Err())
	}
	return ctx.Err()
}

// enter goes on to a later state.
func (b *Memory) enter(state int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.now.Load(); now.state < state {
		b.now.Store(&subscribed{now.topics, state})
	}
}

// change replaces the groups of a topic. The lock is held.
func (b *Memory) change(topic string, groups []*group) {
	now := b.now.Load()
	topics := maps.Clone(now.topics)
	if topics[topic] = groups; len(groups) == 0 {
		delete(topics, topic)
	}
	b.now.Store(&subscribed{topics, now.state})
}

// drop forgets a group without members.
func (b *Memory) drop(g *group) {
	b.mu.Lock()
	defer b.mu.Unlock()
	groups := slices.Clone(b.now.Load().topics[g.topic])
	b.change(g.topic, slices.DeleteFunc(groups, func(other *group) bool { return other == g }))
}

// undone is how many deliveries have not been made.
func (b *Memory) undone() (n int) {
	for _, groups := range b.now.Load().topics {
		for _, g := range groups {
			g.mu.Lock()
			n += g.undone()
			g.mu.Unlock()
		}
	}
	return n
}

// ended is the error of a bus that is closed.
func (b *Memory) ended(topic string) error {
	if b.now.Load().state == closed {
		return errClosed(topic)
	}
	return nil
}

// told has a Close look again.
func (b *Memory) told() {
	select {
	case b.idle <- struct{}{}:
	default:
	}
}

func (b *Memory) failed(g *group, d *delivery, err error, pause time.Duration) {
	cmp.Or(d.log, slog.Default()).Warn("an event will be delivered again", "topic", g.topic, "group", g.name, "event", d.event.ID, "error", err, "pause", pause)
}

func (b *Memory) pauses() backoff.Policy {
	return backoff.Policy{Min: b.policy.Backoff, Max: b.policy.MaxBackoff}
}

func errClosed(topic string) error {
	return fault.FailedPrecondition.Errorf("topic %s: the bus is closed", topic)
}
