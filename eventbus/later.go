package eventbus

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// Scheduler is a [Publisher] that publishes events later. A Memory bus is one, which
// forgets at its end what is not due; the bus of eventbus/nats is one; and so are the
// publishers of eventbus/outbox, whose events are in a database until they are due, whatever
// the bus is.
type Scheduler interface {
	// PublishAt accepts events that are published when due is reached, within a second. If
	// it returns nil, they will be. What is due already is published at once. The Time of
	// the events is that of the call, if they have none.
	PublishAt(ctx context.Context, topic string, due time.Time, events ...Event) error
}

// PublishAt publishes v as an event when due is reached; see [Scheduler]. It returns
// fault.Unimplemented if p is no Scheduler, as the bus of eventbus/kafka is none.
func (t Topic[T]) PublishAt(ctx context.Context, p Publisher, due time.Time, v T) error {
	s, ok := p.(Scheduler)
	if !ok {
		return errNoScheduler(t.Name, p)
	}
	return t.Publish(ctx, later{s, due}, v)
}

// errNoScheduler is the error of a publisher that cannot publish later.
func errNoScheduler(topic string, p Publisher) error {
	return fault.Unimplemented.Errorf("topic %s: a %T cannot publish events later; write them into a database with eventbus/outbox, whose publishers can", topic, p)
}

// PublishAt is the PublishAt of p; see [Scheduler]. It returns fault.Unimplemented if p is
// no Scheduler.
func PublishAt(ctx context.Context, p Publisher, topic string, due time.Time, events ...Event) error {
	if s, ok := p.(Scheduler); ok {
		return s.PublishAt(ctx, topic, due, events...)
	}
	return errNoScheduler(topic, p)
}

// later publishes at one time.
type later struct {
	scheduler Scheduler
	due       time.Time
}

// Publish implements [Publisher].
func (l later) Publish(ctx context.Context, topic string, events ...Event) error {
	return l.scheduler.PublishAt(ctx, topic, l.due, events...)
}

// PublishAt implements [Scheduler]. Events that are not due when the bus is closed are lost.
func (b *Memory) PublishAt(ctx context.Context, topic string, due time.Time, events ...Event) error {
	wait := time.Until(due)
	if wait <= 0 {
		return b.Publish(ctx, topic, events...)
	}
	if !b.current.Load().accepts(ctx) {
		return errClosed(topic)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	waiting := make([]Event, len(events))
	for i, e := range events {
		e.encode()
		e.value = nil
		waiting[i] = e.WithDefaults(topic)
	}
	b.alarms.set(wait, func() {
		if err := b.Publish(context.Background(), topic, waiting...); err != nil {
			slog.Default().Warn("an event that is due is lost", "topic", topic, "event", waiting[0].ID, "error", err)
		}
	})
	return nil
}

// alarms are the timers of a Memory bus.
type alarms struct {
	mu     sync.Mutex
	timers map[*time.Timer]bool
	ended  bool
}

func (a *alarms) set(wait time.Duration, f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return
	}
	if a.timers == nil {
		a.timers = map[*time.Timer]bool{}
	}
	var t *time.Timer
	t = time.AfterFunc(wait, func() {
		a.mu.Lock()
		isSet := a.timers[t]
		delete(a.timers, t)
		a.mu.Unlock()
		if isSet {
			f()
		}
	})
	a.timers[t] = true
}

// end stops the timers. None is set after this.
func (a *alarms) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	for t := range a.timers {
		t.Stop()
	}
	clear(a.timers)
}
