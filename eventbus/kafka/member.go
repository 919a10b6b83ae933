package kafka

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/deadline"
)

// maxTurn is how long a member handles the events of one partition while others wait.
const maxTurn = 5 * time.Millisecond

// member is one subscription. It handles one event at a time.
type member struct {
	*consumer
	handler eventbus.Handler
	leaving bool // guarded by the lock of the consumer

	ctx    context.Context // parent of the handlers' contexts
	cancel context.CancelFunc
	done   chan struct{} // closed when the member has left, and with it the consumer if it was the last
}

func newMember(c *consumer, h eventbus.Handler) *member {
	m := &member{consumer: c, handler: h, done: make(chan struct{})}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	return m
}

// stop ends the subscription; see Subscribe of eventbus.Subscriber.
func (m *member) stop(ctx context.Context) error {
	ctx, cancel := deadline.EnsureEnd(ctx, eventbus.EndTimeout)
	defer cancel()
	m.mu.Lock()
	m.leaving = true
	m.work.Broadcast()
	m.mu.Unlock()
	err := deadline.Await(ctx, m.done)
	if err != nil {
		m.cancel()
	}
	return err
}

// run handles events until the member leaves.
func (m *member) run() {
	defer close(m.done)
	defer m.cancel()
	m.mu.Lock()
	for {
		for len(m.ready) == 0 && !m.leaving {
			m.work.Wait()
		}
		if m.leaving {
			break
		}
		p := m.ready[0]
		m.ready = m.ready[1:]
		m.handleSome(p)
	}
	m.work.Signal() // the wake-up may have been meant for another member
	m.members = slices.DeleteFunc(m.members, func(other *member) bool { return other == m })
	m.ended = len(m.members) == 0
	isLast := m.ended
	m.mu.Unlock()
	if isLast {
		m.leave()
		<-m.consumer.done
	}
}

// handleSome handles events of the partition, one after the other. The lock is held,
// except while a handler runs.
func (m *member) handleSome(p *partition) {
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(m.ctx)
	defer p.cancel()
	p.isReady, p.handling = false, true
	for began := time.Now(); len(p.queue) > 0 && !p.pausing && !m.leaving; {
		r := p.queue[0]
		number := p.failures + 1
		m.mu.Unlock()
		log, err := m.deliver(ctx, r, number)
		m.mu.Lock()
		if err != nil && p.gone {
			break
		}
		if err == nil {
			p.succeed(r)
		} else {
			pause := p.fail()
			log.Warn("an event will be delivered again", "topic", p.name.topic, "group", p.name.group, "error", err, "pause", pause)
		}
		if len(m.ready) > 0 && time.Since(began) > maxTurn {
			break
		}
	}
	p.handling = false
	if p.gone {
		close(p.ended)
		return
	}
	p.offer()
}

// deliver calls the handler. It returns the logger for messages about the event.
func (m *member) deliver(ctx context.Context, r *kgo.Record, number int) (log *slog.Logger, err error) {
	e, err := event(r)
	if err != nil {
		m.bus.config.Logger.Error("a record that is no event is dropped", "topic", r.Topic, "partition", r.Partition, "offset", r.Offset, "error", err)
		return nil, nil // a redelivery would not change it
	}
	return m.bus.log.Call(ctx, eventbus.Delivery{Topic: r.Topic, Group: m.name.group, Number: number}, e, m.handler)
}
