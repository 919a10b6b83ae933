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
	// handOffAfter is how long a handler may run before other events of the member are
	// handed to other members.
	handOffAfter = 10 * time.Millisecond
	// firstPoll is how long a partition of a slow member asks for an event before the
	// next partition may ask.
	firstPoll = 2 * time.Millisecond
)

// partition delivers the events of one partition to a member.
type partition struct {
	*subscription
	number  int
	slow    bool          // ask for an event only when it can be handled at once
	ackWait time.Duration // as configured on the server

	failedSeq uint64        // stream sequence of the event that failed last
	pause     time.Duration // the pause before it was redelivered
}

// run delivers events to the member until it leaves.
func (l *partition) run() {
	for pause := shortestPause; l.leaving.Err() == nil; pause = min(2*pause, longestPause) {
		began := time.Now()
		err := l.consume()
		if l.leaving.Err() != nil {
			return
		}
		l.logFailure(err)
		if time.Since(began) > longestPause {
			pause = shortestPause
		}
		_ = backoff.Wait(l.leaving, pause)
	}
}

// logFailure logs why no events arrive. If somebody must act, the level is Warn.
func (l *partition) logFailure(err error) {
	err = l.bus.failure(l.topic, 0, err)
	level := slog.LevelWarn
	if errors.Is(err, fault.Unavailable) {
		level = slog.LevelDebug
	}
	l.bus.config.Logger.Log(l.leaving, level, "nats hands out no events", "topic", l.topic, "group", l.group, "error", err)
}

func (l *partition) consume() error {
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

// next returns the next event of the partition. The server delivers an event to whoever
// asked first. A slow member therefore asks only when it is free, and for one partition
// after the other, so that it withholds few events from other members.
func (l *partition) next(messages jetstream.MessagesContext) (jetstream.Msg, error) {
	first := l.slow && l.waitUntilFree()
	l.slow = false
	// The client requests nothing while it is still sending its previous request, even if
	// the answer has arrived. It does so when Next is called again.
	for poll := firstPoll; poll < time.Second; poll *= 8 {
		m, err := messages.Next(jetstream.NextMaxWait(poll))
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

// waitUntilFree waits until the member is free and no other partition asks. It is false
// if the member leaves.
func (l *partition) waitUntilFree() bool {
	select {
	case l.asking <- struct{}{}:
	case <-l.leaving.Done():
		return false
	}
	if !l.slot.acquire(l.leaving, noLimit) {
		<-l.asking
		return false
	}
	l.slot.release()
	return true
}

// handle runs the handler for one event when the slot is free, and reports the result to
// the server.
func (l *partition) handle(m jetstream.Msg) {
	stop := l.extendAckWait(m)
	defer stop()
	if !l.slot.acquire(l.leaving, handOffAfter) {
		_ = m.Nak() // another member gets it at once
		l.slow = true
		return
	}
	defer l.slot.release()
	ctx, err := l.deliver(m)
	l.slow = l.slot.runningFor() > handOffAfter
	if err == nil {
		_ = m.Ack() // if this is lost, the event is redelivered
		return
	}
	seq := uint64(0)
	if meta, failed := m.Metadata(); failed == nil {
		seq = meta.Sequence.Stream
	}
	if seq != l.failedSeq {
		l.failedSeq, l.pause = seq, 0
	}
	l.pause = backoff.Policy{Min: shortestPause, Max: longestPause}.Next(l.pause)
	l.log(ctx).Warn("an event will be delivered again", "topic", l.topic, "group", l.group, "error", err, "pause", l.pause)
	_ = m.NakWithDelay(l.pause) // if this is lost, the event is redelivered after AckWait
}

// deliver calls the handler. It returns the context of the call.
func (l *partition) deliver(m jetstream.Msg) (ctx context.Context, err error) {
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
		return ctx, nil // a redelivery would not change it
	}
	ctx = eventbus.ContextWithEvent(l.ctx, e)
	return ctx, l.handler(ctx, e)
}

// log is the logger for messages about the event that is handled in ctx.
func (l *partition) log(ctx context.Context) *slog.Logger {
	if log := eventbus.LoggerOf(ctx); log != nil && !l.bus.ownLog {
		return log
	}
	return l.bus.config.Logger
}

// extendAckWait tells the server periodically that the event is still being handled.
func (l *partition) extendAckWait(m jetstream.Msg) (stop func()) {
	return heartbeat.Every(context.Background(), l.ackWait/3, func(context.Context) {
		_ = m.InProgress() // if this is lost, the event may be delivered twice
	})
}
