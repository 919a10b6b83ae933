package nats

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

// Lag implements eventbus.LagReporter. It asks the server about each partition. A
// subscription without a group has no lag.
func (b *Bus) Lag(ctx context.Context, topic, group string) (eventbus.Lag, error) {
	if group == "" {
		return eventbus.Lag{}, fault.NotFound.Errorf("topic %s: subscriptions without a group have no lag", topic)
	}
	stream, err := b.js.Stream(ctx, streamName(topic))
	if err != nil {
		return eventbus.Lag{}, b.lagFailure(topic, group, err)
	}
	now := stream.CachedInfo().TimeStamp // of the server, as the times of the events are
	var mu sync.Mutex
	var all sync.WaitGroup
	var lag eventbus.Lag
	var failures []error
	for n := range partitions {
		all.Go(func() {
			events, oldest, err := b.partitionLag(ctx, stream, topic, group, n)
			mu.Lock()
			defer mu.Unlock()
			lag.Events += events
			if !oldest.IsZero() {
				lag.Oldest = max(lag.Oldest, now.Sub(oldest))
			}
			if err != nil {
				failures = append(failures, err)
			}
		})
	}
	all.Wait()
	if len(failures) > 0 {
		return eventbus.Lag{}, b.lagFailure(topic, group, failures[0])
	}
	return lag, nil
}

// partitionLag counts the events of a partition that are not acknowledged, and returns when
// the oldest of them was stored.
func (b *Bus) partitionLag(ctx context.Context, stream jetstream.Stream, topic, group string, n int) (events int64, oldest time.Time, err error) {
	c, err := stream.Consumer(ctx, consumerName(group, n))
	if err != nil {
		return 0, time.Time{}, err
	}
	info := c.CachedInfo()
	if events = int64(info.NumPending) + int64(info.NumAckPending); events == 0 { //nolint:gosec // far below the limit
		return 0, time.Time{}, nil
	}
	m, err := stream.GetMsg(ctx, info.AckFloor.Stream+1, jetstream.WithGetMsgSubject(partitionSubject(topic, n)))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound): // handled meanwhile, and gone
		return events, time.Time{}, nil
	case err != nil:
		return 0, time.Time{}, err
	}
	return events, m.Time, nil
}

func (b *Bus) lagFailure(topic, group string, err error) error {
	if errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrStreamNotFound) {
		return fault.NotFound.Errorf("topic %s: there is no group %q: %w", topic, group, err)
	}
	return b.failure(topic, 0, err)
}
