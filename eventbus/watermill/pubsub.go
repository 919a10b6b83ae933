package watermill

import (
	"context"
	"errors"
	"sync"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
)

// Config configures a Pub/Sub. Only Bus is required.
type Config struct {
	// Bus carries the messages. The Pub/Sub does not close it.
	Bus eventbus.Bus
	// Group is the group of the subscribers. If it is empty, each subscriber gets every
	// message.
	Group string
	// Source is the Source of events of messages without ce_source. The default is
	// "watermill".
	Source string
	// Key returns the key of a message without ce_partitionkey. Messages of one key are
	// handled in order. A nil Key gives no order.
	Key func(topic string, m *message.Message) string
}

// PubSub is a message.Publisher, a message.Subscriber and a message.SubscribeInitializer on
// a bus. It is safe for concurrent use.
type PubSub struct {
	config Config

	mu            sync.Mutex
	closed        bool
	subscriptions map[*subscription]bool
	waiting       map[string][]*subscription // of SubscribeInitialize, by topic
}

var (
	_ message.Publisher            = (*PubSub)(nil)
	_ message.Subscriber           = (*PubSub)(nil)
	_ message.SubscribeInitializer = (*PubSub)(nil)
)

// NewPubSub returns a Pub/Sub, which must be closed. It returns fault.InvalidArgument if
// Config.Bus is nil.
func NewPubSub(c Config) (*PubSub, error) {
	if absent.Is(c.Bus) {
		return nil, fault.InvalidArgument.Errorf("watermill: Config.Bus is nil; give the bus of the messages")
	}
	if c.Source == "" {
		c.Source = defaultSource
	}
	return &PubSub{config: c, subscriptions: map[*subscription]bool{}, waiting: map[string][]*subscription{}}, nil
}

// Publish implements message.Publisher: each message with its own context, until one fails.
func (p *PubSub) Publish(topic string, messages ...*message.Message) error {
	for _, m := range messages {
		p.mu.Lock()
		closed := p.closed
		p.mu.Unlock()
		if closed {
			return errClosed(topic)
		}
		e, err := Event(topic, m)
		if err != nil {
			return err
		}
		if e.Source == "" {
			e.Source = p.config.Source
		}
		if e.Key == "" && p.config.Key != nil {
			e.Key = p.config.Key(topic, m)
		}
		if err := p.config.Bus.Publish(m.Context(), topic, e); err != nil {
			return err
		}
	}
	return nil
}

// SubscribeInitialize implements message.SubscribeInitializer: what is published from now on
// waits for the group. On a bus that forgets groups without members, as one in memory does,
// it waits for the next Subscribe of this Pub/Sub.
func (p *PubSub) SubscribeInitialize(topic string) error {
	s, err := p.subscribe(topic)
	if err != nil {
		return err
	}
	if _, stores := p.config.Bus.(eventbus.Replayer); stores {
		p.end(s)
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[topic] = append(p.waiting[topic], s)
	return nil
}

// Subscribe implements message.Subscriber. The subscription ends with ctx, or with Close; a
// message that is not acked by then comes again.
func (p *PubSub) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	p.mu.Lock()
	var s *subscription
	if all := p.waiting[topic]; len(all) > 0 {
		s, p.waiting[topic] = all[0], all[1:]
	}
	p.mu.Unlock()
	if s == nil {
		var err error
		if s, err = p.subscribe(topic); err != nil {
			return nil, err
		}
	}
	s.begin(ctx)
	go func() {
		select {
		case <-ctx.Done():
			p.end(s)
		case <-s.ending:
		}
	}()
	return s.messages, nil
}

// Close implements message.Publisher and message.Subscriber. It ends all subscriptions, and
// leaves the bus as it is.
func (p *PubSub) Close() error {
	p.mu.Lock()
	p.closed = true
	var all []*subscription
	for s := range p.subscriptions {
		all = append(all, s)
	}
	p.mu.Unlock()
	for _, s := range all {
		p.end(s)
	}
	return nil
}

func (p *PubSub) subscribe(topic string) (*subscription, error) {
	s := &subscription{messages: make(chan *message.Message), begun: make(chan struct{}), ending: make(chan struct{}), ended: make(chan struct{})}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed(topic)
	}
	p.subscriptions[s] = true
	p.mu.Unlock()
	stop, err := p.config.Bus.Subscribe(topic, p.config.Group, s.handle)
	if err != nil {
		p.mu.Lock()
		delete(p.subscriptions, s)
		p.mu.Unlock()
		return nil, err
	}
	s.mu.Lock()
	s.stop = stop
	isClosed := s.closed
	s.mu.Unlock()
	if isClosed { // meanwhile
		_ = stop(s.cut())
		return nil, errClosed(topic)
	}
	return s, nil
}

// end ends a subscription and closes its channel, when its handler has ended.
func (p *PubSub) end(s *subscription) {
	p.mu.Lock()
	delete(p.subscriptions, s)
	p.mu.Unlock()
	s.end()
}

func errClosed(topic string) error {
	return fault.FailedPrecondition.Errorf("topic %s: the Pub/Sub is closed", topic)
}

// errNacked makes the bus redeliver a message.
var errNacked = errors.New("the message was nacked")
