package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// assigned begins with partitions that the group has given to this consumer.
func (c *consumer) assigned(_ context.Context, _ *kgo.Client, all map[string][]int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, number := range all[c.name.topic] {
		c.addPartition(number)
	}
}

// revoked gives partitions away. It returns when their handlers have ended and what they
// did is committed: only then another member gets them.
func (c *consumer) revoked(ctx context.Context, _ *kgo.Client, all map[string][]int32) {
	given := c.takeAway(all[c.name.topic], c.bus.config.HandOverTimeout, false)
	if len(given) > 0 {
		ctx, cancel := context.WithTimeout(ctx, setupTimeout)
		defer cancel()
		c.commit(ctx, given...)
	}
}

// lost ends partitions that other members may have already: the brokers have not heard of
// this consumer for SessionTimeout.
func (c *consumer) lost(_ context.Context, _ *kgo.Client, all map[string][]int32) {
	c.takeAway(all[c.name.topic], 0, true)
}

// takeAway ends partitions and waits for their handlers, whose contexts it cancels after
// the limit.
func (c *consumer) takeAway(numbers []int32, limit time.Duration, lost bool) (given []*partition) {
	c.mu.Lock()
	var ended []<-chan struct{}
	for _, number := range numbers {
		p := c.partitions[number]
		if p == nil {
			continue
		}
		delete(c.partitions, number)
		if p.isPaused {
			p.isPaused = false
			c.client.ResumeFetchPartitions(p.ref())
		}
		p.lost = lost
		given = append(given, p)
		ended = append(ended, p.end())
	}
	c.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for _, done := range ended {
		select {
		case <-done:
			continue
		case <-timer.C:
		}
		c.mu.Lock()
		for _, p := range given {
			if p.handling {
				p.cancel()
			}
		}
		c.mu.Unlock()
		break
	}
	for _, done := range ended {
		<-done
	}
	return given
}
