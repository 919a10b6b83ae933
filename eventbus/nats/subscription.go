package nats

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// The pauses before an event whose handler failed comes again, and before a
// consumer is asked for again.
const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 10 * time.Second
	setupTimeout  = 5 * time.Second
	ownLifetime   = time.Hour
)

// subscription is one member of a group: it asks the consumers of all partitions
// for events and handles one at a time.
type subscription struct {
	bus          *Bus
	topic, group string
	own          string // the consumer of a subscription without a group
	handler      eventbus.Handler
	since        time.Time

	ctx      context.Context // of the handlers
	cut      context.CancelFunc
	leaving  context.Context // ends when no more events are asked for
	leave    context.CancelFunc
	lanes    sync.WaitGroup
	handling sync.Mutex
	done     chan struct{}
}

func newSubscription(b *Bus, topic, group string, h eventbus.Handler) *subscription {
	s := &subscription{bus: b, topic: topic, group: group, handler: h, since: time.Now().UTC(), done: make(chan struct{})}
	if group == "" {
		s.own = "own-" + rand.Text()
	}
	s.ctx, s.cut = context.WithCancel(context.Background())
	s.leaving, s.leave = context.WithCancel(context.Background())
	return s
}

// begin asks for the consumers, so that what is published from now on is for the
// group; when the server is away, the lanes go on asking.
func (s *subscription) begin() {
	if s.bus.conn.IsConnected() {
		ctx, cancel := context.WithTimeout(s.leaving, setupTimeout)
		defer cancel()
		_ = s.setUp(ctx)
	}
	for n := range s.count() {
		s.lanes.Go(func() { s.lane(n) })
	}
	go func() {
		s.lanes.Wait()
		close(s.done)
	}()
}

// stop implements the end of eventbus.Subscriber's Subscribe.
func (s *subscription) stop(ctx context.Context) error {
	s.leave()
	var err error
	select {
	case <-s.done:
	default:
		select {
		case <-s.done:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	s.cut()
	s.bus.mu.Lock()
	first := s.bus.subscriptions[s]
	delete(s.bus.subscriptions, s)
	s.bus.mu.Unlock()
	if first && s.own != "" && s.bus.conn.IsConnected() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), setupTimeout)
		defer cancel()
		_ = s.bus.js.DeleteConsumer(ctx, streamName(s.topic), s.own) // else the server does, in time
	}
	return err
}

// count is how many consumers the subscription has.
func (s *subscription) count() int {
	if s.own != "" {
		return 1
	}
	return partitions
}

func (s *subscription) setUp(ctx context.Context) error {
	if err := s.bus.stream(ctx, s.topic); err != nil {
		return err
	}
	for n := range s.count() {
		if _, err := s.consumer(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// consumer is that of a partition, which is made if it is missing.
func (s *subscription) consumer(ctx context.Context, n int) (jetstream.Consumer, error) {
	c := jetstream.ConsumerConfig{
		Durable: fmt.Sprintf("%s-%d", token(s.group), n), FilterSubject: partition(s.topic, n),
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &s.since,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: s.bus.config.AckWait, MaxDeliver: -1,
		MaxAckPending: 1, // the next event of a partition only when this one is handled
	}
	if s.own != "" {
		c.Durable, c.FilterSubject, c.InactiveThreshold = s.own, "", ownLifetime
	}
	consumer, err := s.bus.js.CreateConsumer(ctx, streamName(s.topic), c)
	if errors.Is(err, jetstream.ErrConsumerExists) || errors.Is(err, jetstream.ErrConsumerNameAlreadyInUse) {
		consumer, err = s.bus.js.Consumer(ctx, streamName(s.topic), c.Durable)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s.bus.forget(s.topic)
	}
	return consumer, err
}

// lane handles the events of one partition until the subscription leaves.
func (s *subscription) lane(n int) {
	for pause := shortestPause; s.leaving.Err() == nil; pause = min(2*pause, longestPause) {
		began := time.Now()
		err := s.consume(n)
		if s.leaving.Err() != nil {
			return
		}
		s.bus.config.Logger.Debug("nats hands out no events", "topic", s.topic, "group", s.group, "error", err)
		if time.Since(began) > longestPause {
			pause = shortestPause
		}
		select {
		case <-time.After(pause):
		case <-s.leaving.Done():
		}
	}
}

func (s *subscription) consume(n int) error {
	ctx, cancel := context.WithTimeout(s.leaving, setupTimeout)
	defer cancel()
	if err := s.bus.stream(ctx, s.topic); err != nil {
		return err
	}
	consumer, err := s.consumer(ctx, n)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(1), jetstream.PullExpiry(30*time.Second), jetstream.PullHeartbeat(5*time.Second))
	if err != nil {
		return err
	}
	defer messages.Stop()
	defer context.AfterFunc(s.leaving, messages.Drain)()
	for {
		m, err := messages.Next()
		if err != nil {
			return err
		}
		s.handle(m)
	}
}

// handle handles one event in its turn, and tells the server how it went.
func (s *subscription) handle(m jetstream.Msg) {
	stop := s.keep(m)
	defer stop()
	s.handling.Lock()
	defer s.handling.Unlock()
	if s.leaving.Err() != nil {
		_ = m.Nak() // another member takes it at once
		return
	}
	err := s.run(m)
	if err == nil {
		_ = m.Ack() // if this is lost, the event comes again
		return
	}
	pause := shortestPause
	if meta, metaErr := m.Metadata(); metaErr == nil {
		for range min(meta.NumDelivered-1, 10) {
			pause *= 2
		}
	}
	pause = min(pause, longestPause)
	s.bus.config.Logger.Warn("an event will be delivered again", "topic", s.topic, "group", s.group, "error", err, "pause", pause)
	_ = m.NakWithDelay(pause) // if this is lost, the event comes again after AckWait
}

func (s *subscription) run(m jetstream.Msg) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.bus.config.Logger.Error("an event's handler panicked", "topic", s.topic, "panic", p, "stack", string(debug.Stack()))
			err = fault.Internal.Errorf("the handler panicked")
		}
	}()
	var e eventbus.Event
	if err := json.Unmarshal(m.Data(), &e); err != nil {
		s.bus.config.Logger.Error("a message that is no event is dropped", "topic", s.topic, "subject", m.Subject(), "error", err)
		return nil // it will never be one
	}
	return s.handler(eventbus.Handling(s.ctx, e), e)
}

// keep tells the server now and then that the event is still being handled.
func (s *subscription) keep(m jetstream.Msg) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(s.bus.config.AckWait / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_ = m.InProgress() // if this is lost, the event may come twice
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
