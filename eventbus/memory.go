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

// MemoryPolicy configures a [Memory] bus. The zero MemoryPolicy is the recommended one.
type MemoryPolicy struct {
	// Buffer is how many events may wait for a group, or be in delivery to it, before
	// Publish blocks. The default is 1024.
	Buffer int `json:"buffer" yaml:"buffer"`
	// Backoff is the shortest pause before an event is redelivered. Pauses are random, and
	// grow with each failure of the event. The default is 100 ms, or MaxBackoff if that is
	// shorter.
	Backoff time.Duration `json:"backoff" yaml:"backoff"`
	// MaxBackoff is the longest pause. The default is 10 s, or Backoff if that is longer.
	MaxBackoff time.Duration `json:"max_backoff" yaml:"max_backoff"`
}

// MarshalJSON writes durations as strings such as "1s".
func (p MemoryPolicy) MarshalJSON() ([]byte, error) { return duration.Marshal(p) }

// UnmarshalJSON reads what MarshalJSON writes; unknown settings are refused.
func (p *MemoryPolicy) UnmarshalJSON(data []byte) error { return duration.Unmarshal(data, p) }

// Validate reports every fault of the policy at once, as fault.InvalidArgument.
func (p MemoryPolicy) Validate() error {
	var faults []error
	if p.Buffer < 0 {
		faults = append(faults, fault.InvalidArgument.Errorf("buffer: %d is negative", p.Buffer))
	}
	return errors.Join(append(faults, backoff.Check(p.Backoff, p.MaxBackoff)...)...)
}

// WithDefaults returns the policy with its defaults filled in, as it is in force. p must
// be valid.
func (p MemoryPolicy) WithDefaults() MemoryPolicy {
	p.Buffer = cmp.Or(p.Buffer, 1024)
	backoff.SetDefaults(&p.Backoff, &p.MaxBackoff, 100*time.Millisecond, 10*time.Second)
	return p
}

// Memory is a [Bus] within this process. It is safe for concurrent use.
type Memory struct {
	policy  MemoryPolicy
	idle    chan struct{} // signalled when a group has nothing left to handle
	letters shelf
	alarms  alarms

	mu      sync.Mutex // guards changes of current
	current atomic.Pointer[busState]
}

// busState is the subscriptions of a bus and its state. It is replaced, never changed.
type busState struct {
	topics map[string][]*group
	state  int
}

// accepts reports whether an event may be published: while the bus drains, only handlers
// publish.
func (s *busState) accepts(ctx context.Context) bool {
	return s.state == open || s.state == draining && isHandling(ctx)
}

// The states of a bus, in order.
const (
	open = iota
	draining
	closed
)

var _ Bus = (*Memory)(nil)

// NewMemory returns a bus, which must be closed. It panics if p does not validate.
func NewMemory(p MemoryPolicy) *Memory {
	if err := p.Validate(); err != nil {
		panic("eventbus.NewMemory: " + err.Error())
	}
	b := &Memory{policy: p.WithDefaults(), idle: make(chan struct{}, 1)}
	b.current.Store(&busState{topics: map[string][]*group{}})
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

// publish publishes e, and sets its defaults.
func (b *Memory) publish(ctx context.Context, topic string, e *Event) error {
	now := b.current.Load()
	if !now.accepts(ctx) {
		return errClosed(topic)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	isLetter := e.isDeadLetter(topic)
	groups := now.topics[topic]
	if len(groups) == 0 && !isLetter {
		return nil
	}
	e.setDefaults(topic)
	if isLetter {
		b.letters.add(topic, *e)
	}
	if len(groups) > 1 {
		e.encode() // or the first group to handle it would make the others wait
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

// Hears reports whether the topic has a subscriber, or dead letters that wait for
// [Redrive]. An event that is published to any other topic is lost.
func (b *Memory) Hears(topic string) bool { return b.hasGroups(topic) || b.letters.has(topic) }

func (b *Memory) hasGroups(topic string) bool { return len(b.current.Load().topics[topic]) > 0 }

// Lag implements [LagReporter]. Oldest is by the Time of the events.
func (b *Memory) Lag(_ context.Context, topic, group string) (Lag, error) {
	for _, g := range b.current.Load().topics[topic] {
		if group != "" && g.name == group {
			return g.lag(), nil
		}
	}
	return Lag{}, fault.NotFound.Errorf("topic %s: there is no group %q", topic, group)
}

// Subscribe implements [Subscriber].
func (b *Memory) Subscribe(topic, name string, h Handler) (stop func(context.Context) error, err error) {
	if h == nil {
		return nil, fault.InvalidArgument.Errorf("topic %s: the handler is nil", topic)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.current.Load()
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
	b.replaceGroups(topic, append(slices.Clip(now.topics[topic]), g))
	return g.join(h).stop, nil
}

// Close implements [Bus].
func (b *Memory) Close(ctx context.Context) error {
	ctx, cancel := deadline.EnsureEnd(ctx, EndTimeout)
	defer cancel()
	b.advance(draining)
	b.alarms.end()
	for b.backlog() > 0 && ctx.Err() == nil {
		select {
		case <-b.idle:
		case <-ctx.Done():
		}
	}
	b.advance(closed)
	b.signalIdle() // another Close may wait, too
	left := b.backlog()
	for _, groups := range b.current.Load().topics {
		for _, g := range groups {
			for _, m := range g.allMembers() {
				_ = m.stop(ctx)
			}
		}
	}
	if left > 0 {
		return fault.DeadlineExceeded.Errorf("the bus was closed with %d deliveries not handled: %w", left, ctx.Err())
	}
	return ctx.Err()
}

// advance moves the bus to a later state.
func (b *Memory) advance(state int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.current.Load(); now.state < state {
		b.current.Store(&busState{now.topics, state})
	}
}

// replaceGroups replaces the groups of a topic. The lock is held.
func (b *Memory) replaceGroups(topic string, groups []*group) {
	now := b.current.Load()
	topics := maps.Clone(now.topics)
	if topics[topic] = groups; len(groups) == 0 {
		delete(topics, topic)
	}
	b.current.Store(&busState{topics, now.state})
}

// removeGroup removes a group without members.
func (b *Memory) removeGroup(g *group) {
	b.mu.Lock()
	defer b.mu.Unlock()
	groups := slices.Clone(b.current.Load().topics[g.topic])
	b.replaceGroups(g.topic, slices.DeleteFunc(groups, func(other *group) bool { return other == g }))
}

// backlog is the number of events that wait for a group or are in delivery, at one moment:
// it holds the locks of all groups together, or it would miss an event that a handler
// publishes to a group that has been counted. Every call locks the groups in one order.
func (b *Memory) backlog() (n int) {
	topics := b.current.Load().topics
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		for _, g := range topics[topic] {
			g.mu.Lock()
			defer g.mu.Unlock()
			n += g.backlog()
		}
	}
	return n
}

// errIfClosed returns an error if the bus is closed.
func (b *Memory) errIfClosed(topic string) error {
	if b.current.Load().state == closed {
		return errClosed(topic)
	}
	return nil
}

// signalIdle wakes a Close that waits.
func (b *Memory) signalIdle() {
	select {
	case b.idle <- struct{}{}:
	default:
	}
}

func (b *Memory) logRedelivery(g *group, d *delivery, err error, pause time.Duration) {
	cmp.Or(d.log, slog.Default()).Warn("an event will be delivered again", "topic", g.topic, "group", g.name, "event", d.event.ID, "error", err, "pause", pause)
}

func (b *Memory) redeliveryPauses() backoff.Policy {
	return backoff.Policy{Min: b.policy.Backoff, Max: b.policy.MaxBackoff}
}

func errClosed(topic string) error {
	return fault.FailedPrecondition.Errorf("topic %s: the bus is closed", topic)
}
