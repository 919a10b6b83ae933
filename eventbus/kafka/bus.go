package kafka

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
	"github.com/sinew-go/sinew/internal/delivery"
)

const (
	// publishTimeout applies to a publish whose context has no deadline.
	publishTimeout = 5 * time.Second
	// dialTimeout applies to each attempt to connect to a broker.
	dialTimeout = 3 * time.Second
	// The pauses before a connection or a request is tried again.
	shortestReconnect = 50 * time.Millisecond
	longestReconnect  = time.Second
)

func reconnectPause(attempt int) time.Duration {
	return min(shortestReconnect<<min(attempt, 10), longestReconnect)
}

// Bus is an eventbus.Bus on a Kafka cluster. It is safe for concurrent use.
type Bus struct {
	config  Config
	log     delivery.Logger // of events
	watcher *watcher
	client  *kgo.Client // publishes, and asks for topics and offsets
	admin   *kadm.Client

	newPartitionsPoll time.Duration

	mu        sync.Mutex
	topics    map[string]bool         // topics that exist
	consumers map[groupName]*consumer // of the groups
	own       map[*consumer]bool      // of subscriptions without a group
	draining  bool                    // only handlers may publish
	closed    bool
}

type groupName struct{ topic, group string }

// id is the group as Kafka knows it. A colon is in no topic's name, so that two groups
// never have one ID.
func (n groupName) id() string { return n.group + ":" + n.topic }

var _ eventbus.Replayer = (*Bus)(nil)

// New returns a bus, which must be closed, whether the brokers are reachable or not. It
// returns fault.InvalidArgument if the Config does not validate.
func New(c Config) (*Bus, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	hasLogger := c.Logger != nil
	c = c.withDefaults()
	w := &watcher{log: c.Logger}
	options := append(c.connection(w),
		kgo.ProducerLinger(0), // concurrent events form batches while earlier ones are on their way
		kgo.ProducerBatchMaxBytes(int32(min(c.MaxEventBytes+recordOverhead, maxBatchBytes))), //nolint:gosec // bounded
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),                                 // murmur2, as the Java client has it
	)
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fault.InvalidArgument.Errorf("kafka: Config: %w", err)
	}
	return &Bus{
		config: c, log: delivery.Logger{Logger: c.Logger, IsOwn: hasLogger}, watcher: w, client: client, admin: kadm.NewClient(client), newPartitionsPoll: newPartitionsPoll,
		topics: map[string]bool{}, consumers: map[groupName]*consumer{}, own: map[*consumer]bool{},
	}, nil
}

// Publish implements eventbus.Publisher. It returns fault.Unavailable if the brokers do
// not acknowledge within ctx, or within 5 s if ctx has no deadline; fault.InvalidArgument
// if an event is too large or the topic's name is not one of Kafka; and
// fault.FailedPrecondition if a repeat cannot succeed, as with wrong credentials.
func (b *Bus) Publish(ctx context.Context, topic string, events ...eventbus.Event) error {
	if _, handling := eventbus.EventOf(ctx); b.refuses(handling) {
		return errClosed(topic)
	}
	records := make([]*kgo.Record, len(events))
	for i, e := range events {
		var err error
		if records[i], err = b.record(topic, e.WithDefaults(topic)); err != nil {
			return err
		}
	}
	ctx, cancel := deadline.EnsureDeadline(ctx, publishTimeout)
	defer cancel()
	if err := b.ensureTopic(ctx, topic); err != nil {
		return err
	}
	results := make(chan error, len(records))
	for _, r := range records {
		b.client.Produce(ctx, r, func(_ *kgo.Record, err error) { results <- err })
	}
	for range records {
		// The client waits longer than ctx for the result of a record that it has sent.
		var err error
		select {
		case err = <-results:
		case <-ctx.Done():
			err = ctx.Err()
		}
		if err != nil {
			b.forget(topic) // it may be gone
			return b.failure(topic, err)
		}
	}
	return nil
}

// Subscribe implements eventbus.Subscriber. If the brokers answer, it returns
// fault.FailedPrecondition for a topic that must exist and does not.
func (b *Bus) Subscribe(topic, group string, h eventbus.Handler) (stop func(context.Context) error, err error) {
	return b.subscribe(topic, group, h, false)
}

// SubscribeFromStart implements eventbus.Replayer.
func (b *Bus) SubscribeFromStart(topic, group string, h eventbus.Handler) (stop func(context.Context) error, err error) {
	return b.subscribe(topic, group, h, true)
}

func (b *Bus) subscribe(topic, group string, h eventbus.Handler, fromStart bool) (stop func(context.Context) error, err error) {
	if h == nil {
		return nil, fault.InvalidArgument.Errorf("topic %s: the handler is nil", topic)
	}
	if err := checkName(topic); err != nil {
		return nil, err
	}
	c, m, err := b.join(topic, group, h, fromStart)
	if err != nil {
		return nil, err
	}
	if err := c.prepare(); err != nil {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = m.stop(ctx)
		return nil, err
	}
	return m.stop, nil
}

// join adds a member to the consumer of the group, and begins with a consumer if there is
// none.
func (b *Bus) join(topic, group string, h eventbus.Handler, fromStart bool) (*consumer, *member, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.draining {
		return nil, nil, errClosed(topic)
	}
	name := groupName{topic, group}
	var previous *consumer
	if group != "" {
		if previous = b.consumers[name]; previous != nil {
			if m := previous.join(h); m != nil {
				return previous, m, nil
			}
		}
	}
	c := newConsumer(b, name, previous)
	c.fromStart = fromStart
	m := c.join(h)
	if group == "" {
		b.own[c] = true
	} else {
		b.consumers[name] = c
	}
	go c.run()
	return c, m, nil
}

// remove forgets a consumer that has ended.
func (b *Bus) remove(c *consumer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.own, c)
	if b.consumers[c.name] == c {
		delete(b.consumers, c.name)
	}
}

// Close implements eventbus.Bus. It waits for the running handlers. Events that wait stay
// on the brokers.
func (b *Bus) Close(ctx context.Context) error {
	ctx, cancel := deadline.EnsureEnd(ctx, eventbus.EndTimeout)
	defer cancel()
	b.mu.Lock()
	b.draining = true
	consumers := slices.AppendSeq(slices.Collect(maps.Keys(b.own)), maps.Values(b.consumers))
	b.mu.Unlock()
	var members []*member
	for _, c := range consumers {
		members = append(members, c.leaveAll()...)
	}
	var faults []error
	for _, m := range members {
		faults = append(faults, m.stop(ctx))
	}
	for _, c := range consumers { // some may have ended without members that are left
		select {
		case <-c.done:
		case <-ctx.Done():
		}
	}
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.client.Close()
	b.watcher.close() // the client ends connections after its Close
	return errors.Join(faults...)
}

// refuses reports whether the bus publishes no more, for handlers or for others.
func (b *Bus) refuses(handling bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed || b.draining && !handling
}

func errClosed(topic string) error {
	return fault.FailedPrecondition.Errorf("topic %s: the bus is closed", topic)
}
