package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// Lag implements eventbus.LagReporter. It asks the brokers for the ends of the partitions
// and the places of the group. Oldest is of the events that this process has received. A
// subscription without a group has no lag.
func (b *Bus) Lag(ctx context.Context, topic, group string) (lag eventbus.Lag, err error) {
	if group == "" {
		return lag, fault.NotFound.Errorf("topic %s: subscriptions without a group have no lag", topic)
	}
	name := groupName{topic, group}
	places, err := b.admin.FetchOffsetsForTopics(ctx, name.id(), topic)
	if err == nil {
		err = places.Error()
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return lag, b.failure(topic, err)
	}
	ends, err := b.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return lag, b.failure(topic, err)
	}
	known := false
	for number, end := range ends[topic] {
		if place, ok := places.Lookup(topic, number); ok && place.At >= 0 {
			lag.Events += max(0, end.Offset-place.At)
			known = true
		}
	}
	if !known {
		return lag, fault.NotFound.Errorf("topic %s: there is no group %q", topic, group)
	}
	b.mu.Lock()
	c := b.consumers[name]
	b.mu.Unlock()
	if c != nil && lag.Events > 0 {
		lag.Oldest = c.oldest()
	}
	return lag, nil
}

// oldest is the age of the oldest event that waits in this process.
func (c *consumer) oldest() (age time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.partitions {
		if len(p.queue) > 0 {
			age = max(age, time.Since(p.queue[0].Timestamp))
		}
	}
	return age
}
