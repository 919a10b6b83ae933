package kafka

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
)

const (
	// setupTimeout limits each attempt to set up a group, and the last commit of a consumer.
	setupTimeout = 5 * time.Second
	// The pauses before a redelivery.
	shortestPause = 100 * time.Millisecond
	longestPause  = 10 * time.Second
	// longestSetupPause is the longest pause before a group is set up again.
	longestSetupPause = time.Second
	// maxFetchBytes limits what the client buffers of each broker, and how many bytes wait
	// before no more are polled; partitionBytes is what is fetched of one partition.
	maxFetchBytes  = 16 << 20
	partitionBytes = 1 << 20
	// spaceTimeout is how long all partitions wait for space before those that fill it are
	// paused. A pause costs: what the client asks for then has to end first.
	spaceTimeout = 50 * time.Millisecond
	// fetchWait is how long a broker waits for events before it answers that there are none.
	fetchWait = 500 * time.Millisecond
)

// consumer is one member of a group in Kafka's sense, shared by the subscriptions of the
// group in this process: it distributes the events of its partitions to them. Without a
// group it consumes all partitions for one subscription.
type consumer struct {
	bus       *Bus
	name      groupName
	startedAt time.Time
	fromStart bool      // a new group begins with the oldest event
	previous  *consumer // of the same group; it must end first

	tried   chan struct{}   // closed when the group is set up, or cannot be soon
	refusal error           // of the first attempt, if a repeat cannot succeed
	begin   map[int32]int64 // where the group starts in each partition; nil until that is known

	leaving  context.Context // ends when no member is left
	leave    context.CancelFunc
	done     chan struct{} // closed when the client is closed
	commitMu sync.Mutex    // one commit at a time
	dirty    chan struct{} // full if there is something to commit

	mu         sync.Mutex
	work       sync.Cond
	client     *kgo.Client // nil until the group is set up
	members    []*member
	ended      bool // the last member has left
	isSetUp    bool
	partitions map[int32]*partition
	ready      []*partition  // with events that a member can handle, the longest first
	waiting    int           // events in all partitions
	bytes      int           // of them
	space      chan struct{} // full if there may be space again
}

func newConsumer(b *Bus, name groupName, previous *consumer) *consumer {
	c := &consumer{
		bus: b, name: name, startedAt: time.Now(), previous: previous, tried: make(chan struct{}), done: make(chan struct{}),
		dirty: make(chan struct{}, 1), space: make(chan struct{}, 1), partitions: map[int32]*partition{},
	}
	c.work.L = &c.mu
	c.leaving, c.leave = context.WithCancel(context.Background())
	return c
}

// isShared reports whether the consumer belongs to a group.
func (c *consumer) isShared() bool { return c.name.group != "" }

// groupID is the group as Kafka knows it.
func (c *consumer) groupID() string { return c.name.id() }

// join adds a member. It returns nil if the last member has left.
func (c *consumer) join(h eventbus.Handler) *member {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	m := newMember(c, h)
	c.members = append(c.members, m)
	go m.run()
	return m
}

// leaveAll makes all members leave, and returns them.
func (c *consumer) leaveAll() []*member {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.members {
		m.leaving = true
	}
	c.work.Broadcast()
	return append([]*member(nil), c.members...)
}

// prepare waits until the group is set up, so that it gets what is published from then on,
// or until it is clear that the brokers are away. It returns why a repeat cannot succeed.
func (c *consumer) prepare() error {
	timer := time.NewTimer(setupTimeout)
	defer timer.Stop()
	select {
	case <-c.tried:
		return c.refusal
	case <-timer.C:
		return nil
	}
}

// run sets up the group and consumes until the last member has left.
func (c *consumer) run() {
	defer close(c.done)
	defer c.bus.remove(c)
	if c.previous != nil {
		<-c.previous.done // it has no members any more
		if !c.previous.isSetUp {
			c.startedAt, c.begin = c.previous.startedAt, c.previous.begin
		}
		c.previous = nil
	}
	starts, isSetUp := c.setUpUntilDone()
	if !isSetUp {
		return
	}
	client, err := kgo.NewClient(c.options(starts)...)
	if err != nil {
		c.bus.config.Logger.Error("kafka refuses the settings of a consumer", "topic", c.name.topic, "group", c.name.group, "error", err)
		<-c.leaving.Done()
		return
	}
	c.setClient(client)
	var workers sync.WaitGroup
	workers.Go(c.poll)
	if c.isShared() {
		workers.Go(c.commitUntilLeft)
	} else {
		workers.Go(func() { c.addNewPartitions(starts) })
	}
	workers.Wait()
	c.close()
}

// setUpUntilDone returns where a consumer without a group starts, and false if the last
// member has left before.
func (c *consumer) setUpUntilDone() (starts map[int32]kgo.Offset, ok bool) {
	tried := sync.OnceFunc(func() { close(c.tried) })
	defer tried()
	for pause := shortestPause; c.leaving.Err() == nil; pause = min(2*pause, longestSetupPause) {
		starts, err := c.setUp()
		if err == nil {
			c.mu.Lock()
			c.isSetUp = true
			c.mu.Unlock()
			return starts, true
		}
		if c.leaving.Err() != nil {
			return nil, false
		}
		select {
		case <-c.tried:
		default:
			if c.bus.config.TopicsMustExist && errors.Is(err, fault.FailedPrecondition) {
				c.refusal = err
			}
		}
		c.logFailure(err)
		if !isMoving(err) {
			tried()
		}
		_ = backoff.Wait(c.leaving, pause)
	}
	return nil, false
}

// logFailure logs why no events arrive. If somebody must act, the level is Warn.
func (c *consumer) logFailure(err error) {
	level := slog.LevelWarn
	if errors.Is(err, fault.Unavailable) {
		level = slog.LevelDebug
	}
	c.bus.config.Logger.Log(context.Background(), level, "kafka hands out no events", "topic", c.name.topic, "group", c.name.group, "error", err)
}

func (c *consumer) options(starts map[int32]kgo.Offset) []kgo.Opt {
	config := c.bus.config
	options := append(config.connection(c.bus.watcher),
		kgo.FetchMaxBytes(maxFetchBytes), kgo.FetchMaxPartitionBytes(partitionBytes), kgo.FetchMaxWait(fetchWait),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)
	if !c.isShared() {
		return append(options, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.name.topic: starts}))
	}
	return append(options,
		kgo.ConsumeTopics(c.name.topic), kgo.ConsumerGroup(c.groupID()), kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), // of a partition that was added after the group was set up
		kgo.SessionTimeout(config.SessionTimeout), kgo.HeartbeatInterval(min(config.SessionTimeout/5, time.Second)),
		kgo.RebalanceTimeout(config.HandOverTimeout+setupTimeout+30*time.Second), // a handler may need time to end
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(c.assigned), kgo.OnPartitionsRevoked(c.revoked), kgo.OnPartitionsLost(c.lost),
	)
}

// poll distributes records until the last member has left. Rebalances wait meanwhile, so
// that a record is distributed only while its partition is assigned.
func (c *consumer) poll() {
	for c.leaving.Err() == nil {
		fetches := c.client.PollRecords(c.leaving, max(1, c.bus.config.Prefetch/2))
		fetches.EachError(func(_ string, _ int32, err error) {
			if c.leaving.Err() == nil {
				c.logFailure(c.bus.failure(c.name.topic, err))
			}
		})
		c.mu.Lock()
		fetches.EachPartition(func(f kgo.FetchTopicPartition) {
			p := c.partitions[f.Partition]
			if p == nil {
				if c.isShared() || len(f.Records) == 0 {
					return
				}
				p = c.addPartition(f.Partition)
			}
			p.add(f.Records)
		})
		c.mu.Unlock()
		if c.isShared() {
			c.client.AllowRebalance()
		}
		c.waitForSpace()
	}
}

// waitForSpace waits until more events may wait. If that takes long, it pauses the
// partitions that fill the space instead, so that they do not stop the others.
func (c *consumer) waitForSpace() {
	timer := time.NewTimer(spaceTimeout)
	defer timer.Stop()
	for {
		c.mu.Lock()
		isFull := c.isFull()
		c.mu.Unlock()
		if !isFull {
			return
		}
		select {
		case <-c.space:
		case <-timer.C:
			c.pauseFullPartitions()
			return
		case <-c.leaving.Done():
			return
		}
	}
}

// isFull reports whether no more events may wait. The lock is held.
func (c *consumer) isFull() bool {
	return c.waiting >= c.bus.config.Prefetch || c.bytes >= maxFetchBytes
}

func (c *consumer) pauseFullPartitions() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.partitions {
		if !p.isPaused && (len(p.queue) >= c.bus.config.Prefetch/2 || p.bytes >= partitionBytes) {
			p.isPaused = true
			c.client.PauseFetchPartitions(p.ref())
		}
	}
}

// close commits what was handled and leaves the group.
func (c *consumer) close() {
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	if c.isShared() {
		c.commit(ctx)
		_ = c.client.LeaveGroupContext(ctx) // if this fails, the group goes on after SessionTimeout
	}
	c.client.CloseAllowingRebalance()
}

// addPartition begins with a partition. The lock is held.
func (c *consumer) addPartition(number int32) *partition {
	p := &partition{consumer: c, number: number, handled: -1, committed: -1}
	c.partitions[number] = p
	return p
}
