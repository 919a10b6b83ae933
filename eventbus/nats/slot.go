package nats

import (
	"context"
	"math"
	"sync/atomic"
	"time"
)

// slot lets a member handle one event at a time.
type slot struct {
	busy      chan struct{} // full while an event is handled; waiters get it in order
	epoch     time.Time
	startedAt atomic.Int64 // when the current handler started, since epoch
}

// noLimit as maxBusy waits until the member leaves.
const noLimit = time.Duration(math.MaxInt64)

func newSlot() slot { return slot{busy: make(chan struct{}, 1), epoch: time.Now()} }

// acquire waits for the slot. It is false if leaving ends, or if the current handler runs
// longer than maxBusy.
func (s *slot) acquire(leaving context.Context, maxBusy time.Duration) bool {
	select {
	case s.busy <- struct{}{}:
	default:
		if !s.waitFree(leaving, maxBusy) {
			return false
		}
	}
	s.startedAt.Store(int64(time.Since(s.epoch)))
	if leaving.Err() != nil {
		s.release()
		return false
	}
	return true
}

func (s *slot) waitFree(leaving context.Context, maxBusy time.Duration) bool {
	timer := time.NewTimer(maxBusy)
	defer timer.Stop()
	for {
		select {
		case s.busy <- struct{}{}:
			return true
		case <-leaving.Done():
			return false
		case <-timer.C:
			left := maxBusy - s.runningFor()
			if left <= 0 {
				return false
			}
			timer.Reset(left)
		}
	}
}

// runningFor is how long the current handler has been running.
func (s *slot) runningFor() time.Duration {
	return time.Since(s.epoch) - time.Duration(s.startedAt.Load())
}

func (s *slot) release() { <-s.busy }
