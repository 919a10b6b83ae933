package nats

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/deadline"
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
	began        time.Time

	ctx     context.Context // of the handlers
	cut     context.CancelFunc
	leaving context.Context // ends when no more events are asked for
	leave   context.CancelFunc
	lanes   sync.WaitGroup
	turn    turn
	asking  chan struct{} // full while a lane of a slow member asks for an event
	done    chan struct{}
}

func newSubscription(b *Bus, topic, group string, h eventbus.Handler) *subscription {
	s := &subscription{bus: b, topic: topic, group: group, handler: h, began: time.Now(), turn: newTurn(), asking: make(chan struct{}, 1), done: make(chan struct{})}
	if group == "" {
		s.own = "own-" + rand.Text()
	}
	s.ctx, s.cut = context.WithCancel(context.Background())
	s.leaving, s.leave = context.WithCancel(context.Background())
	return s
}

// begin makes the consumers, so that what is published from now on is for the
// group; when the server is away, the lanes do.
func (s *subscription) begin() {
	if s.bus.conn.IsConnected() {
		ctx, cancel := context.WithTimeout(s.leaving, setupTimeout)
		defer cancel()
		_ = s.setUp(ctx)
	}
	for n := range s.count() {
		s.lanes.Go((&lane{subscription: s, number: n}).run)
	}
	go func() {
		s.lanes.Wait()
		close(s.done)
	}()
}

// stop implements the end of eventbus.Subscriber's Subscribe.
func (s *subscription) stop(ctx context.Context) error {
	ctx, cancel := deadline.EnsureEnd(ctx, eventbus.EndTimeout)
	defer cancel()
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

// setUp makes the consumers that are missing, which begin with the next event.
func (s *subscription) setUp(ctx context.Context) error {
	if err := s.bus.stream(ctx, s.topic); err != nil {
		return err
	}
	for n := range s.count() {
		_, err := s.bus.js.CreateConsumer(ctx, streamName(s.topic), s.config(n))
		if err != nil && !errors.Is(err, jetstream.ErrConsumerExists) && !errors.Is(err, jetstream.ErrConsumerNameAlreadyInUse) {
			return err
		}
	}
	return nil
}

// consumer is that of a partition. One that is missing by now begins where the
// subscription did, which only the server's clock tells.
func (s *subscription) consumer(ctx context.Context, n int) (jetstream.Consumer, error) {
	c := s.config(n)
	consumer, err := s.bus.js.Consumer(ctx, streamName(s.topic), c.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		var stream jetstream.Stream
		if stream, err = s.bus.js.Stream(ctx, streamName(s.topic)); err == nil {
			began := stream.CachedInfo().TimeStamp.Add(-time.Since(s.began))
			c.DeliverPolicy, c.OptStartTime = jetstream.DeliverByStartTimePolicy, &began
			consumer, err = s.bus.js.CreateConsumer(ctx, streamName(s.topic), c)
		}
		if errors.Is(err, jetstream.ErrConsumerExists) { // another member was quicker
			consumer, err = s.bus.js.Consumer(ctx, streamName(s.topic), c.Durable)
		}
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s.bus.forget(s.topic)
	}
	return consumer, err
}

func (s *subscription) config(n int) jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		Durable: fmt.Sprintf("%s-%d", token(s.group), n), FilterSubject: partition(s.topic, n),
		DeliverPolicy: jetstream.DeliverNewPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy, AckWait: s.bus.config.AckWait, MaxDeliver: -1,
		MaxAckPending: 1, // the next event of a partition only when this one is handled
	}
	if s.own != "" {
		c.Durable, c.FilterSubject, c.InactiveThreshold = s.own, "", ownLifetime
	}
	return c
}
