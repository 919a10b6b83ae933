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

// The pauses before a redelivery, and before a consumer is requested again.
const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 10 * time.Second
	setupTimeout  = 5 * time.Second
	ownInactivity = time.Hour
)

// subscription is one member of a group. It requests events from the consumers of all
// partitions and handles one at a time.
type subscription struct {
	bus          *Bus
	topic, group string
	ownConsumer  string // the name of the consumer, if there is no group
	handler      eventbus.Handler
	startedAt    time.Time
	fromStart    bool // a new group begins with the oldest event

	ctx     context.Context // parent of the handlers' contexts
	cancel  context.CancelFunc
	leaving context.Context // ends when no more events are requested
	leave   context.CancelFunc
	workers sync.WaitGroup
	slot    slot
	asking  chan struct{} // full while a partition of a slow member requests an event
	done    chan struct{}
}

func newSubscription(b *Bus, topic, group string, h eventbus.Handler, fromStart bool) *subscription {
	s := &subscription{bus: b, topic: topic, group: group, handler: h, fromStart: fromStart, startedAt: time.Now(), slot: newSlot(), asking: make(chan struct{}, 1), done: make(chan struct{})}
	if group == "" {
		s.ownConsumer = "own-" + rand.Text()
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.leaving, s.leave = context.WithCancel(context.Background())
	return s
}

// start creates the consumers, so that the group gets what is published from this moment.
// If the server is away, the partitions create them later.
func (s *subscription) start() {
	if s.bus.conn.IsConnected() {
		ctx, cancel := context.WithTimeout(s.leaving, setupTimeout)
		defer cancel()
		_ = s.setUp(ctx)
	}
	for n := range s.count() {
		s.workers.Go((&partition{subscription: s, number: n}).run)
	}
	go func() {
		s.workers.Wait()
		close(s.done)
	}()
}

// stop ends the subscription; see Subscribe of eventbus.Subscriber.
func (s *subscription) stop(ctx context.Context) error {
	ctx, cancel := deadline.EnsureEnd(ctx, eventbus.EndTimeout)
	defer cancel()
	s.leave()
	err := deadline.Await(ctx, s.done)
	s.cancel()
	s.bus.mu.Lock()
	first := s.bus.subscriptions[s]
	delete(s.bus.subscriptions, s)
	s.bus.mu.Unlock()
	if first && s.ownConsumer != "" && s.bus.conn.IsConnected() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), setupTimeout)
		defer cancel()
		_ = s.bus.js.DeleteConsumer(ctx, streamName(s.topic), s.ownConsumer) // if this fails, the server removes it later
	}
	return err
}

// count is the number of consumers of the subscription.
func (s *subscription) count() int {
	if s.ownConsumer != "" {
		return 1
	}
	return partitions
}

// setUp creates the consumers that are missing. They start with the next event.
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

// consumer returns the consumer of a partition. A consumer that is still missing is
// created to start where the subscription did, by the server's clock.
func (s *subscription) consumer(ctx context.Context, n int) (jetstream.Consumer, error) {
	c := s.config(n)
	consumer, err := s.bus.js.Consumer(ctx, streamName(s.topic), c.Durable)
	if errors.Is(err, jetstream.ErrConsumerNotFound) && s.fromStart {
		consumer, err = s.bus.js.CreateConsumer(ctx, streamName(s.topic), c)
	} else if errors.Is(err, jetstream.ErrConsumerNotFound) {
		var stream jetstream.Stream
		if stream, err = s.bus.js.Stream(ctx, streamName(s.topic)); err == nil {
			began := stream.CachedInfo().TimeStamp.Add(-time.Since(s.startedAt))
			c.DeliverPolicy, c.OptStartTime = jetstream.DeliverByStartTimePolicy, &began
			consumer, err = s.bus.js.CreateConsumer(ctx, streamName(s.topic), c)
		}
	}
	if errors.Is(err, jetstream.ErrConsumerExists) { // another member created it first
		consumer, err = s.bus.js.Consumer(ctx, streamName(s.topic), c.Durable)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s.bus.forget(s.topic)
	}
	return consumer, err
}

func (s *subscription) config(n int) jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		Durable: consumerName(s.group, n), FilterSubject: partitionSubject(s.topic, n),
		DeliverPolicy: jetstream.DeliverNewPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy, AckWait: s.bus.config.AckWait, MaxDeliver: -1,
		MaxAckPending: 1, // the next event of a partition waits until this one is handled
	}
	if s.fromStart {
		c.DeliverPolicy = jetstream.DeliverAllPolicy
	}
	if s.ownConsumer != "" {
		c.Durable, c.FilterSubject, c.InactiveThreshold = s.ownConsumer, allSubjects(s.topic), ownInactivity
	}
	return c
}

// consumerName is the name of a group's consumer of a partition.
func consumerName(group string, n int) string { return fmt.Sprintf("%s-%d", token(group), n) }
