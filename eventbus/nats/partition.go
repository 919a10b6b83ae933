package nats

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
)

const (
	// handOffAfter is how long a handler may run before other events of the member are
	// handed to other members.
	handOffAfter = 10 * time.Millisecond
	// firstPoll is how long a partition of a slow member asks for an event before the
	// next partition may ask.
	firstPoll = 2 * time.Millisecond
	// manyEvents is how many events a quick member asks for at once.
	manyEvents = 64
	// quickAfter is how many events in a row a slow member handles quickly until it is a
	// quick one.
	quickAfter = 16
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
func (p *partition) run() {
	for pause := shortestPause; p.leaving.Err() == nil; pause = min(2*pause, longestPause) {
		began := time.Now()
		err := p.consume()
		if p.leaving.Err() != nil {
			return
		}
		p.logFailure(err)
		if time.Since(began) > longestPause {
			pause = shortestPause
		}
		_ = backoff.Wait(p.leaving, pause)
	}
}

// logFailure logs why no events arrive. If somebody must act, the level is Warn.
func (p *partition) logFailure(err error) {
	err = p.bus.failure(p.topic, 0, err)
	level := slog.LevelWarn
	if errors.Is(err, fault.Unavailable) {
		level = slog.LevelDebug
	}
	p.bus.config.Logger.Log(p.leaving, level, "nats hands out no events", "topic", p.topic, "group", p.group, "error", err)
}

func (p *partition) consume() error {
	ctx, cancel := context.WithTimeout(p.leaving, setupTimeout)
	defer cancel()
	if err := p.bus.stream(ctx, p.topic); err != nil {
		return err
	}
	consumer, err := p.consumer(ctx, p.number)
	if err != nil {
		return err
	}
	p.ackWait = consumer.CachedInfo().Config.AckWait
	for p.leaving.Err() == nil {
		if err := p.consumeBy(consumer); err != nil {
			return err
		}
	}
	return p.leaving.Err()
}

// consumeBy handles events until the member leaves, or until it becomes slow or quick. A
// quick member asks for many events at once: the server delivers one, and the next one when
// that is acknowledged, without a further request.
func (p *partition) consumeBy(consumer jetstream.Consumer) error {
	wasSlow, batch, quick := p.slow, manyEvents, 0
	if wasSlow {
		batch = 1
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(batch), jetstream.PullExpiry(30*time.Second), jetstream.PullHeartbeat(5*time.Second))
	if err != nil {
		return err
	}
	defer messages.Stop()
	defer context.AfterFunc(p.leaving, messages.Drain)()
	for changed := false; ; {
		var m jetstream.Msg
		if changed { // what the server has sent already
			m, err = messages.Next()
		} else {
			m, err = p.next(messages)
		}
		if changed && errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		p.handle(m)
		if quick++; p.slow {
			quick = 0
		}
		if !changed && (p.slow && !wasSlow || wasSlow && quick == quickAfter) {
			messages.Drain()
			changed = true
		}
	}
}

// next returns the next event of the partition. The server delivers an event to whoever
// asked first. A slow member therefore asks only when it is free, and for one partition
// after the other, so that it withholds few events from other members.
func (p *partition) next(messages jetstream.MessagesContext) (jetstream.Msg, error) {
	first := p.slow && p.waitUntilFree()
	p.slow = false
	// The client requests nothing while it is still sending its previous request, even if
	// the answer has arrived. It does so when Next is called again.
	for poll := firstPoll; poll < time.Second; poll *= 8 {
		m, err := messages.Next(jetstream.NextMaxWait(poll))
		if first {
			<-p.asking
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
func (p *partition) waitUntilFree() bool {
	select {
	case p.asking <- struct{}{}:
	case <-p.leaving.Done():
		return false
	}
	if !p.slot.acquire(p.leaving, noLimit) {
		<-p.asking
		return false
	}
	p.slot.release()
	return true
}

// handle runs the handler for one event when the slot is free, and reports the result to
// the server.
func (p *partition) handle(m jetstream.Msg) {
	stop := p.extendAckWait(m)
	defer stop()
	if !p.slot.acquire(p.leaving, handOffAfter) {
		_ = m.Nak() // another member gets it at once
		p.slow = true
		return
	}
	defer p.slot.release()
	place := placeOf(m)
	log, err := p.deliver(m, place)
	p.slow = p.slot.runningFor() > handOffAfter
	if err == nil {
		_ = m.Ack() // if this is lost, the event is redelivered
		return
	}
	if seq := place.Sequence.Stream; seq != p.failedSeq {
		p.failedSeq, p.pause = seq, 0
	}
	p.pause = backoff.Policy{Min: shortestPause, Max: longestPause}.Next(p.pause)
	log.Warn("an event will be delivered again", "topic", p.topic, "group", p.group, "error", err, "pause", p.pause)
	_ = m.NakWithDelay(p.pause) // if this is lost, the event is redelivered after AckWait
}

// placeOf returns where m is in its stream, and how often it was delivered.
func placeOf(m jetstream.Msg) jetstream.MsgMetadata {
	if place, err := m.Metadata(); err == nil {
		return *place
	}
	return jetstream.MsgMetadata{}
}

// deliver calls the handler. It returns the logger for messages about the event.
func (p *partition) deliver(m jetstream.Msg, place jetstream.MsgMetadata) (log *slog.Logger, err error) {
	e, err := event(m)
	if err != nil {
		p.bus.config.Logger.Error("a message that is no event is dropped", "topic", p.topic, "subject", m.Subject(), "error", err)
		return nil, nil // a redelivery would not change it
	}
	d := eventbus.Delivery{Topic: p.topic, Group: p.group, Number: int(place.NumDelivered)} //nolint:gosec // far below the limit
	return p.bus.log.Call(p.ctx, d, e, p.handler)
}

// extendAckWait tells the server periodically that the event is still being handled.
func (p *partition) extendAckWait(m jetstream.Msg) (stop func()) {
	x := &extension{message: m, period: p.ackWait / 3}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.timer = time.AfterFunc(x.period, x.extend)
	return x.stop
}

// extension is the extension of the time that an event may be handled in. It costs a timer
// and not a goroutine, since most events are handled before it is needed.
type extension struct {
	message jetstream.Msg
	period  time.Duration

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
}

func (x *extension) extend() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.stopped {
		return
	}
	_ = x.message.InProgress() // if this is lost, the event may be delivered twice
	x.timer.Reset(x.period)
}

func (x *extension) stop() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stopped = true
	x.timer.Stop()
}
