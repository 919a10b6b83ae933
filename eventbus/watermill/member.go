package watermill

import (
	"context"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/deadline"
)

// member is one subscription of a Bus. It handles one message of its source at a time.
type member struct {
	*source
	handler eventbus.Handler

	ctx     context.Context // cancels the handlers' contexts
	cancel  context.CancelFunc
	leaving context.Context // ends when no more messages are wanted
	leave   context.CancelFunc
	done    chan struct{}
}

func newMember(s *source, h eventbus.Handler) *member {
	m := &member{source: s, handler: h, done: make(chan struct{})}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.leaving, m.leave = context.WithCancel(context.Background())
	return m
}

// stop ends the subscription; see Subscribe of eventbus.Subscriber.
func (m *member) stop(ctx context.Context) error {
	ctx, cancel := deadline.EnsureEnd(ctx, eventbus.EndTimeout)
	defer cancel()
	m.leave()
	err := deadline.Await(ctx, m.done)
	m.cancel()
	return err
}

// run handles messages until the member leaves.
func (m *member) run() {
	defer close(m.done)
	defer m.cancel()
	defer m.leave()
	defer m.bus.remove(m)
	for m.leaving.Err() == nil {
		select {
		case <-m.leaving.Done():
		case received, ok := <-m.messages:
			switch {
			case !ok:
				m.bus.config.Logger.Error("a subscriber of Watermill has ended, though its bus is open", "topic", m.topic, "group", m.group)
				return
			case m.leaving.Err() != nil:
				received.Nack() // for another member
			default:
				m.handle(received)
			}
		}
	}
}

// handle calls the handler for a message, and acks it or nacks it after a pause. The pause
// holds up nothing but the message, and what the Pub/Sub lets wait for it.
func (m *member) handle(received *message.Message) {
	e, err := Event(m.topic, received)
	if e.Source == "" {
		e.Source = defaultSource
	}
	e = e.WithDefaults(m.topic)
	if err == nil {
		err = e.Validate()
	}
	if err != nil {
		m.bus.config.Logger.Error("a message that is no event is dropped", "topic", m.topic, "group", m.group, "error", err)
		received.Ack() // a redelivery would not change it
		return
	}
	ctx, cancel := context.WithCancel(received.Context())
	defer cancel()
	defer context.AfterFunc(m.ctx, cancel)()
	d := eventbus.Delivery{Topic: m.topic, Group: m.group, Number: m.failuresOf(e.ID) + 1}
	log, err := m.bus.log.Call(ctx, d, e, m.handler)
	if err == nil {
		m.ack(received, e.ID)
		return
	}
	pause := m.nackLater(received, e.ID)
	log.Warn("an event will be delivered again", "topic", m.topic, "group", m.group, "event", e.ID, "error", err, "pause", pause)
}
