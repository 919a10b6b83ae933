package watermill

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/deadline"
	"github.com/sinew-go/sinew/internal/delivery"
)

// defaultSource is the Source of an event whose message does not say.
const defaultSource = "watermill"

// BusConfig configures a Bus. Publisher and Subscriber are required.
type BusConfig struct {
	// Publisher publishes the messages. The bus does not close it.
	Publisher message.Publisher
	// Subscriber returns a subscriber for a group. It is called once for each group, and
	// for each subscription with the group "", which gets every message. The bus closes the
	// subscribers when it is closed.
	Subscriber func(group string) (message.Subscriber, error)
	// NoGroups says that subscribers know no groups, as those of gochannel: each gets every
	// message. The members of a group in this bus then share one subscription.
	NoGroups bool
	// Logger is the logger of the bus. If nil, the bus uses slog.Default(), and messages
	// about an event that a service handles go to the logger of that service; see
	// eventbus.LogTo.
	Logger *slog.Logger
}

// Bus is an eventbus.Bus on a Pub/Sub of Watermill. It is safe for concurrent use.
type Bus struct {
	config BusConfig
	log    delivery.Logger

	joining sync.Mutex // held while a member subscribes, so that the next one finds its source

	mu          sync.Mutex
	subscribers map[string]message.Subscriber // by group
	everybody   []message.Subscriber          // of the group ""
	shared      map[[2]string]*source         // by topic and group, if NoGroups
	members     map[*member]bool
	draining    bool // only handlers may publish
	closed      bool
	closing     sync.Once
	shut        chan struct{} // closed when the subscribers are
	shutFault   error
}

var _ eventbus.Bus = (*Bus)(nil)

// NewBus returns a bus, which must be closed. It returns fault.InvalidArgument if the
// publisher or the function for subscribers is nil.
func NewBus(c BusConfig) (*Bus, error) {
	if absent.Is(c.Publisher) {
		return nil, fault.InvalidArgument.Errorf("watermill: BusConfig.Publisher is nil; give the Pub/Sub's publisher")
	}
	if c.Subscriber == nil {
		return nil, fault.InvalidArgument.Errorf("watermill: BusConfig.Subscriber is nil; give a function that returns a subscriber for a group")
	}
	isOwn := c.Logger != nil
	if !isOwn {
		c.Logger = slog.Default()
	}
	return &Bus{
		config: c, log: delivery.Logger{Logger: c.Logger, IsOwn: isOwn}, subscribers: map[string]message.Subscriber{},
		shared: map[[2]string]*source{}, members: map[*member]bool{}, shut: make(chan struct{}),
	}, nil
}

// Publish implements eventbus.Publisher. The messages have ctx as their context. When ctx
// ends first, Publish returns and leaves the publisher to it. An error that has no class of
// package fault is fault.Unavailable.
func (b *Bus) Publish(ctx context.Context, topic string, events ...eventbus.Event) error {
	_, handling := eventbus.EventOf(ctx)
	b.mu.Lock()
	refused := b.closed || b.draining && !handling
	b.mu.Unlock()
	if refused {
		return errBusClosed(topic)
	}
	if err := ctx.Err(); err != nil {
		return failure(topic, err)
	}
	messages := make([]*message.Message, len(events))
	for i, e := range events {
		e = e.WithDefaults(topic)
		if err := e.Validate(); err != nil {
			return fault.InvalidArgument.Errorf("topic %s: %w", topic, err)
		}
		messages[i] = Message(e)
		messages[i].SetContext(ctx)
	}
	if ctx.Done() == nil {
		return failure(topic, b.config.Publisher.Publish(topic, messages...))
	}
	done := make(chan error, 1)
	go func() { done <- b.config.Publisher.Publish(topic, messages...) }()
	select {
	case err := <-done:
		return failure(topic, err)
	case <-ctx.Done():
		return failure(topic, ctx.Err())
	}
}

// Subscribe implements eventbus.Subscriber. It returns the error of the function for
// subscribers, or of the subscriber.
func (b *Bus) Subscribe(topic, group string, h eventbus.Handler) (stop func(context.Context) error, err error) {
	if h == nil {
		return nil, fault.InvalidArgument.Errorf("topic %s: the handler is nil", topic)
	}
	b.joining.Lock()
	defer b.joining.Unlock()
	s, err := b.join(topic, group)
	if err != nil {
		return nil, err
	}
	m := newMember(s, h)
	b.mu.Lock()
	refused := b.draining // Close came while the source was made
	b.members[m] = true
	b.mu.Unlock()
	if refused {
		m.leave()
	}
	go m.run()
	if refused {
		return nil, errBusClosed(topic)
	}
	return m.stop, nil
}

// join returns a source with one member more: that of the group if the members share it,
// or a new one.
func (b *Bus) join(topic, group string) (*source, error) {
	key, shares := [2]string{topic, group}, b.config.NoGroups && group != ""
	b.mu.Lock()
	refused, s := b.draining, b.shared[key]
	if !refused && s != nil {
		s.members++
	}
	b.mu.Unlock()
	if refused {
		return nil, errBusClosed(topic)
	}
	if s != nil {
		return s, nil
	}
	subscriber, err := b.subscriber(topic, group)
	if err != nil {
		return nil, err
	}
	if s, err = newSource(b, topic, group, subscriber); err != nil {
		return nil, err
	}
	if shares {
		b.mu.Lock()
		b.shared[key] = s
		b.mu.Unlock()
	}
	return s, nil
}

// subscriber returns the subscriber of a group.
func (b *Bus) subscriber(topic, group string) (message.Subscriber, error) {
	b.mu.Lock()
	s := b.subscribers[group]
	b.mu.Unlock()
	if s != nil {
		return s, nil
	}
	s, err := b.config.Subscriber(group)
	if err != nil {
		return nil, failure(topic, err)
	}
	if absent.Is(s) {
		return nil, fault.InvalidArgument.Errorf("topic %s: BusConfig.Subscriber returned nil for group %q; return a subscriber, or an error", topic, group)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if group == "" {
		b.everybody = append(b.everybody, s)
	} else {
		b.subscribers[group] = s
	}
	return s, nil
}

// remove removes a member that has ended, and ends the source of the last one.
func (b *Bus) remove(m *member) {
	b.mu.Lock()
	delete(b.members, m)
	s := m.source
	s.members--
	last := s.members == 0
	if key := [2]string{s.topic, s.group}; last && b.shared[key] == s {
		delete(b.shared, key)
	}
	b.mu.Unlock()
	if last {
		s.end()
	}
}

// Close implements eventbus.Bus. It waits for the running handlers and closes the
// subscribers. Messages that wait are left to the Pub/Sub, which may lose them.
func (b *Bus) Close(ctx context.Context) error {
	ctx, cancel := deadline.EnsureEnd(ctx, eventbus.EndTimeout)
	defer cancel()
	b.mu.Lock()
	b.draining = true
	var all []*member
	for m := range b.members {
		m.leave()
		all = append(all, m)
	}
	b.mu.Unlock()
	var faults []error
	for _, m := range all {
		faults = append(faults, m.stop(ctx))
	}
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.closing.Do(func() { go b.closeSubscribers() })
	if err := deadline.Await(ctx, b.shut); err != nil {
		return errors.Join(append(faults, err)...)
	}
	return errors.Join(append(faults, b.shutFault)...)
}

// closeSubscribers closes all subscribers, at once: one that hangs delays no other.
func (b *Bus) closeSubscribers() {
	defer close(b.shut)
	b.joining.Lock() // a member that is joining may be about to add one
	defer b.joining.Unlock()
	all := b.everybody
	for _, s := range b.subscribers {
		all = append(all, s)
	}
	var closers sync.WaitGroup
	faults := make([]error, len(all))
	for i, s := range all {
		closers.Go(func() {
			if err := s.Close(); err != nil {
				faults[i] = fault.CodeOf(err).Errorf("closing a subscriber: %w", err)
			}
		})
	}
	closers.Wait()
	b.shutFault = errors.Join(faults...)
}

// failure is err of the Pub/Sub, as a fault.
func failure(topic string, err error) error {
	if err == nil {
		return nil
	}
	code := fault.CodeOf(err)
	if code == fault.Unknown {
		code = fault.Unavailable
	}
	return code.Errorf("topic %s: the Pub/Sub: %w", topic, err)
}

func errBusClosed(topic string) error {
	return fault.FailedPrecondition.Errorf("topic %s: the bus is closed", topic)
}
