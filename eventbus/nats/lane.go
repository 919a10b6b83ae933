package nats

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/internal/heartbeat"
)

const (
	// patience is how long a handler may take before the events that wait for
	// the member go to others.
	patience = 10 * time.Millisecond
	// glance is how long a lane of a slow member asks before the next one does.
	glance = 2 * time.Millisecond
)

// lane is one partition's events on their way to a member.
type lane struct {
	*subscription
	number  int
	slow    bool          // ask for an event only when it can be handled at once
	ackWait time.Duration // as the server has it

	failed uint64        // the event that failed last, by its place in the stream
	pause  time.Duration // before it came again
}

// run hands events to the member until it leaves.
func (l *lane) run() {
	for pause := shortestPause; l.leaving.Err() == nil; pause = min(2*pause, longestPause) {
		began := time.Now()
		err := l.consume()
		if l.leaving.Err() != nil {
			return
		}
		l.complain(err)
		if time.Since(began) > longestPause {
			pause = shortestPause
		}
		_ = backoff.Wait(l.leaving, pause)
	}
}

// complain logs why there are no events, and aloud what somebody has to mend.
func (l *lane) complain(err error) {
	err = l.bus.failure(l.topic, 0, err)
	level := slog.LevelWarn
	if errors.Is(err, fault.Unavailable) {
		level = slog.LevelDebug
	}
	l.bus.config.Logger.Log(l.leaving, level, "nats hands out no events", "topic", l.topic, "group", l.group, "error", err)
}

func (l *lane) consume() error {
	ctx, cancel := context.WithTimeout(l.leaving, setupTimeout)
	defer cancel()
	if err := l.bus.stream(ctx, l.topic); err != nil {
		return err
	}
	consumer, err := l.consumer(ctx, l.number)
	if err != nil {
		return err
	}
	l.ackWait = consumer.CachedInfo().Config.AckWait
	messages, err := consumer.Messages(jetstream.PullMaxMessages(1), jetstream.PullExpiry(30*time.Second), jetstream.PullHeartbeat(5*time.Second))
	if err != nil {
		return err
	}
	defer messages.Stop()
	defer context.AfterFunc(l.leaving, messages.Drain)()
	for {
		m, err := l.next(messages)
		if err != nil {
			return err
		}
		l.handle(m)
	}
}

// next is the lane's next event. The server hands an event to whoever asked
// first: a slow member asks when it is free, and for one lane after the other,
// so that it keeps little from the others.
func (l *lane) next(messages jetstream.MessagesContext) (jetstream.Msg, error) {
	first := l.slow && l.wait()
	l.slow = false
	// The client asks for nothing while it is sending what it asked for before,
	// though the answer may be here already. It does when it is called again.
	for look := glance; look < time.Second; look *= 8 {
		m, err := messages.Next(jetstream.NextMaxWait(look))
		if first {
			<-l.asking
			first = false
		}
		if !errors.Is(err, nats.ErrTimeout) {
			return m, err
		}
	}
	return messages.Next()
}

// wait waits until the member is free and no other lane asks. It is false when
// the member leaves.
func (l *lane) wait() bool {
	select {
	case l.asking <- struct{}{}:
	case <-l.leaving.Done():
		return false
	}
	if !l.turn.take(l.leaving, forever) {
		<-l.asking
		return false
	}
	l.turn.give()
	return true
}

// handle handles one event in the member's turn, and tells the server how it
// went.
func (l *lane) handle(m jetstream.Msg) {
	stop := l.keep(m)
	defer stop()
	if !l.turn.take(l.leaving, patience) {
		_ = m.Nak() // another member takes it at once
		l.slow = true
		return
	}
	defer l.turn.give()
	ctx, err := l.deliver(m)
	l.slow = l.turn.running() > patience
	if err == nil {
		_ = m.Ack() // if this is lost, the event comes again
		return
	}
	place := uint64(0)
	if meta, failed := m.Metadata(); failed == nil {
		place = meta.Sequence.Stream
	}
	if place != l.failed {
		l.failed, l.pause = place, 0
	}
	l.pause = backoff.Policy{Min: shortestPause, Max: longestPause}.Next(l.pause)
	l.log(ctx).Warn("an event will be delivered again", "topic", l.topic, "group", l.group, "error", err, "pause", l.pause)
	_ = m.NakWithDelay(l.pause) // if this is lost, the event comes again after AckWait
}

// deliver calls the handler, in ctx.
func (l *lane) deliver(m jetstream.Msg) (ctx context.Context, err error) {
	ctx = l.ctx
	defer func() {
		if p := recover(); p != nil {
			l.log(ctx).Error("an event's handler panicked", "topic", l.topic, "panic", p, "stack", string(debug.Stack()))
			err = fault.Internal.Errorf("the handler panicked")
		}
	}()
	var e eventbus.Event
	if err := json.Unmarshal(m.Data(), &e); err != nil {
		l.bus.config.Logger.Error("a message that is no event is dropped", "topic", l.topic, "subject", m.Subject(), "error", err)
		return ctx, nil // it will never be one
	}
	ctx = eventbus.ContextWithEvent(l.ctx, e)
	return ctx, l.handler(ctx, e)
}

// log is where it is told what becomes of the event that is handled in ctx.
func (l *lane) log(ctx context.Context) *slog.Logger {
	if log := eventbus.LoggerOf(ctx); log != nil && !l.bus.ownLog {
		return log
	}
	return l.bus.config.Logger
}

// keep tells the server now and then that the event is in good hands.
func (l *lane) keep(m jetstream.Msg) (stop func()) {
	return heartbeat.Every(context.Background(), l.ackWait/3, func(context.Context) {
		_ = m.InProgress() // if this is lost, the event may come twice
	})
}
