package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sinew-go/sinew/internal/backoff"
)

// The pauses after a commit, and after one that failed.
const (
	commitPause      = 20 * time.Millisecond
	commitRetryPause = 100 * time.Millisecond
)

// commitUntilLeft commits what is handled until the last member has left.
func (c *consumer) commitUntilLeft() {
	for {
		select {
		case <-c.leaving.Done():
			return
		case <-c.dirty:
		}
		ctx, cancel := context.WithTimeout(c.leaving, setupTimeout)
		pause := commitPause
		if !c.commit(ctx) {
			pause = commitRetryPause
			select {
			case c.dirty <- struct{}{}:
			default:
			}
		}
		cancel()
		_ = backoff.Wait(c.leaving, pause)
	}
}

// commit commits what is handled of the partitions that are assigned, and of those that
// are given away. It is false if something is not committed.
func (c *consumer) commit(ctx context.Context, given ...*partition) bool {
	c.commitMu.Lock()
	defer c.commitMu.Unlock()
	offsets := map[int32]kgo.EpochOffset{}
	c.mu.Lock()
	all := given
	for _, p := range c.partitions {
		all = append(all, p)
	}
	for _, p := range all {
		if p.handled > p.committed && !p.lost {
			offsets[p.number] = kgo.EpochOffset{Epoch: p.epoch, Offset: p.handled}
		}
	}
	c.mu.Unlock()
	if len(offsets) == 0 {
		return true
	}
	var failure error
	c.client.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{c.name.topic: offsets},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, r *kmsg.OffsetCommitResponse, err error) {
			failure = err
			if r != nil {
				failure = firstError(r)
			}
		})
	if failure != nil {
		c.bus.config.Logger.Debug("kafka has not taken a commit", "topic", c.name.topic, "group", c.name.group, "error", failure)
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range all {
		if o, ok := offsets[p.number]; ok {
			p.committed = max(p.committed, o.Offset)
		}
	}
	return true
}

func firstError(r *kmsg.OffsetCommitResponse) error {
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return err
			}
		}
	}
	return nil
}
