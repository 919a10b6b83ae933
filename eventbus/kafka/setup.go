package kafka

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sinew-go/sinew/internal/backoff"
)

// clockDifference is how much earlier than its Subscribe a group starts if the brokers
// were away then: the times of records are by other clocks.
const clockDifference = 3 * time.Second

// newPartitionsPoll is how often it is checked whether a topic has more partitions. Nothing
// is lost meanwhile, because a new one is read from its beginning.
const newPartitionsPoll = time.Minute

// setUp makes sure that the group has a place in every partition of the topic: where the
// partition ended when the first member subscribed, or began if that is asked for. Without a group it returns these
// places.
func (c *consumer) setUp() (map[int32]kgo.Offset, error) {
	ctx, cancel := context.WithTimeout(c.leaving, setupTimeout)
	defer cancel()
	b, topic := c.bus, c.name.topic
	if err := b.client.Ping(ctx); err != nil { // which does not retry
		return nil, b.failure(topic, err)
	}
	if err := b.ensureTopic(ctx, topic); err != nil {
		return nil, err
	}
	// The ends are read before the places of the group. So a place that another process
	// sets meanwhile is not behind what was published after it was set.
	if c.begin == nil {
		ends, err := c.ends(ctx)
		if err != nil {
			b.forget(topic)
			return nil, b.failure(topic, err)
		}
		c.begin = ends
	}
	if !c.isShared() {
		starts := map[int32]kgo.Offset{}
		for number, end := range c.begin {
			starts[number] = kgo.NewOffset().At(end)
		}
		return starts, nil
	}
	if err := c.setPlaces(ctx, c.begin); err != nil {
		return nil, b.failure(topic, err)
	}
	return nil, nil
}

// ends returns where the partitions ended when the consumer started, or where they begin if
// it is to read from there.
func (c *consumer) ends(ctx context.Context) (map[int32]int64, error) {
	topic, list := c.name.topic, c.bus.admin.ListEndOffsets
	if c.fromStart {
		list = c.bus.admin.ListStartOffsets
	}
	listed, err := list(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, err
	}
	ends := map[int32]int64{}
	for number, end := range listed[topic] {
		ends[number] = end.Offset
	}
	if c.fromStart {
		return ends, nil
	}
	select {
	case <-c.tried:
	default:
		return ends, nil // Subscribe waits for this
	}
	since, err := c.bus.admin.ListOffsetsAfterMilli(ctx, c.startedAt.Add(-clockDifference).UnixMilli(), topic)
	if err == nil {
		err = since.Error()
	}
	for number, first := range since[topic] {
		ends[number] = min(ends[number], first.Offset)
	}
	return ends, err
}

// isMoving reports whether err says that the brokers are there, but have not decided yet
// which of them serves the group.
func isMoving(err error) bool {
	return errors.Is(err, kerr.CoordinatorNotAvailable) || errors.Is(err, kerr.CoordinatorLoadInProgress) || errors.Is(err, kerr.NotCoordinator)
}

// setPlaces commits ends for the partitions in which the group has no place.
func (c *consumer) setPlaces(ctx context.Context, ends map[int32]int64) error {
	topic, admin := c.name.topic, c.bus.admin
	places, err := admin.FetchOffsetsForTopics(ctx, c.groupID(), topic)
	if err == nil {
		err = places.Error()
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return err
	}
	missing := kadm.Offsets{}
	for number, end := range ends {
		if place, ok := places.Lookup(topic, number); !ok || place.At < 0 {
			missing.AddOffset(topic, number, end, -1)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	committed, err := admin.CommitOffsets(ctx, c.groupID(), missing)
	if err == nil {
		err = committed.Error()
	}
	// Kafka takes no such commit for a group with members. They have set the places before
	// they joined, or the partitions are new, and the group starts at their beginning.
	if errors.Is(err, kerr.UnknownMemberID) || errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.RebalanceInProgress) {
		return nil
	}
	return err
}

func (c *consumer) setClient(client *kgo.Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client = client
}

// addNewPartitions begins with partitions that are added to the topic, until the last
// member has left. In a group the brokers do that.
func (c *consumer) addNewPartitions(known map[int32]kgo.Offset) {
	topic := c.name.topic
	for backoff.Wait(c.leaving, c.bus.newPartitionsPoll) == nil {
		ctx, cancel := context.WithTimeout(c.leaving, setupTimeout)
		described, err := c.bus.describe(ctx, topic)
		cancel()
		if err != nil {
			continue // the next check may succeed
		}
		added := map[int32]kgo.Offset{}
		for _, p := range described.Partitions {
			if _, ok := known[p.Partition]; !ok {
				added[p.Partition] = kgo.NewOffset().AtStart()
			}
		}
		if len(added) > 0 {
			maps.Copy(known, added)
			c.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: added})
		}
	}
}
