package kafka

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sinew-go/sinew/internal/backoff"
)

// partition is the events of one partition that wait, the oldest first. A member handles
// one of them at a time. All its fields are guarded by the lock of the consumer.
type partition struct {
	*consumer
	number int32

	queue    []*kgo.Record
	bytes    int  // in queue
	isPaused bool // the client fetches no more

	handling bool               // a member handles its events
	pausing  bool               // its first event has failed and waits for its redelivery
	isReady  bool               // it is in the consumer's list ready
	gone     bool               // it belongs to another process now, or the consumer ends
	lost     bool               // it may have another member already: do not commit
	cancel   context.CancelFunc // of the handler
	ended    chan struct{}      // closed when the handler has ended, after gone
	failures int                // of the first event
	pause    time.Duration      // before the last redelivery of the first event

	handled   int64 // the offset after the last event that was handled, or -1
	epoch     int32 // the leader epoch of that event
	committed int64 // the offset that was committed last, or -1
}

// add appends records.
func (p *partition) add(records []*kgo.Record) {
	for _, r := range records {
		p.bytes += size(r)
		p.consumer.bytes += size(r)
	}
	p.consumer.waiting += len(records)
	p.queue = append(p.queue, records...)
	p.offer()
}

func (p *partition) ref() map[string][]int32 { return map[string][]int32{p.name.topic: {p.number}} }

// offer makes the partition available to the members, if one of them can handle its first
// event.
func (p *partition) offer() {
	if len(p.queue) == 0 || p.handling || p.pausing || p.isReady || p.gone {
		return
	}
	p.isReady = true
	p.ready = append(p.ready, p)
	p.work.Signal()
}

// succeed removes the first event, which has been handled.
func (p *partition) succeed(r *kgo.Record) {
	p.handled, p.epoch, p.failures, p.pause = r.Offset+1, r.LeaderEpoch, 0, 0
	if p.isShared() && !p.gone {
		select {
		case p.dirty <- struct{}{}:
		default:
		}
	}
	if len(p.queue) == 0 {
		return // the partition was revoked meanwhile
	}
	p.queue[0] = nil
	p.queue = p.queue[1:]
	p.release(1, size(r))
	if p.isPaused && len(p.queue) <= p.bus.config.Prefetch/4 && p.bytes <= partitionBytes/4 {
		p.isPaused = false
		p.client.ResumeFetchPartitions(p.ref())
	}
}

// release makes space for events.
func (p *partition) release(count, bytes int) {
	wasFull := p.isFull()
	p.bytes -= bytes
	p.consumer.bytes -= bytes
	p.waiting -= count
	if wasFull && !p.isFull() {
		select {
		case p.space <- struct{}{}:
		default:
		}
	}
}

// fail offers the first event again after a pause, which it returns.
func (p *partition) fail() time.Duration {
	p.pause = backoff.Policy{Min: shortestPause, Max: longestPause}.Next(p.pause)
	p.failures, p.pausing = p.failures+1, true
	time.AfterFunc(p.pause, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.pausing = false
		p.offer()
	})
	return p.pause
}

// end takes the partition from the members: none of its events is handled after this. The
// channel is closed when the handler that runs now has ended.
func (p *partition) end() <-chan struct{} {
	p.gone = true
	p.release(len(p.queue), p.bytes)
	p.queue = nil
	if i := slices.Index(p.ready, p); i >= 0 {
		p.ready = slices.Delete(p.ready, i, i+1)
	}
	if p.ended == nil {
		p.ended = make(chan struct{})
		if !p.handling {
			close(p.ended)
		}
	}
	return p.ended
}
