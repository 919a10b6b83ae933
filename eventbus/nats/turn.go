package nats

import (
	"context"
	"math"
	"sync/atomic"
	"time"
)

// turn has the lanes of a member handle one event after the other.
type turn struct {
	taken chan struct{} // full while an event is handled; those who wait get it in order
	epoch time.Time
	began atomic.Int64 // when the event's handler did, since epoch
}

// forever is the patience of who waits until the member leaves.
const forever = time.Duration(math.MaxInt64)

func newTurn() turn { return turn{taken: make(chan struct{}, 1), epoch: time.Now()} }

// take waits for the turn. It is false when leaving ends, or a handler takes
// longer than patience.
func (t *turn) take(leaving context.Context, patience time.Duration) bool {
	select {
	case t.taken <- struct{}{}:
	default:
		if !t.wait(leaving, patience) {
			return false
		}
	}
	t.began.Store(int64(time.Since(t.epoch)))
	if leaving.Err() != nil {
		t.give()
		return false
	}
	return true
}

func (t *turn) wait(leaving context.Context, patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case t.taken <- struct{}{}:
			return true
		case <-leaving.Done():
			return false
		case <-timer.C:
			left := patience - t.running()
			if left <= 0 {
				return false
			}
			timer.Reset(left)
		}
	}
}

// running is how long the handler has been at it.
func (t *turn) running() time.Duration {
	return time.Since(t.epoch) - time.Duration(t.began.Load())
}

func (t *turn) give() { <-t.taken }
