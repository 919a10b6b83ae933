package limit_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
)

func TestAWaitingCallLeavesTheQueueAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewConcurrency("reports", limit.Concurrency{Max: 1, Queue: 1, MaxWait: time.Minute})
		permit, _ := l.Acquire(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		refused := func(how string) {
			begun := time.Now()
			_, err := l.Acquire(ctx)
			if !errors.Is(err, fault.DeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) || !fault.IsUnprocessed(err) || fault.Judge(ctx, err).Outcome() != fault.Ignored {
				t.Errorf("one that %s got %v", how, err)
			}
			if took := time.Since(begun); how == "gave up" && took != time.Second || how != "gave up" && took != 0 {
				t.Errorf("one that %s was kept for %s", how, took)
			}
		}
		refused("gave up")
		refused("was dead before")
		if s := l.Snapshot(); s.Waiting != 0 {
			t.Errorf("%d still wait", s.Waiting)
		}
		permit.Done()
		refused("was dead when there was room")
		if permit, err := l.Acquire(t.Context()); err != nil {
			t.Error(err)
		} else {
			permit.Done()
		}
		if s := l.Snapshot(); s.Running != 0 || s.Passed != 2 || s.Refused != 0 {
			t.Errorf("afterwards %+v", s)
		}
	})
}

// ended is a context whose waiters do not notice that it has ended.
type ended struct{ context.Context }

func (ended) Done() <-chan struct{} { return nil }

func TestAWaitingCallWhoseContextHasEndedNeverRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewConcurrency("reports", limit.Concurrency{Max: 1, Queue: 2, MaxWait: time.Minute})
		permit, _ := l.Acquire(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := l.Acquire(ended{ctx}); !errors.Is(err, fault.Canceled) {
				t.Errorf("one that had left got %v", err)
			}
		})
		synctest.Wait()
		begun := time.Now()
		group.Go(func() {
			next, err := l.Acquire(t.Context())
			if err != nil || time.Since(begun) != 0 {
				t.Errorf("the next one got its turn after %s: %v", time.Since(begun), err)
			}
			next.Done()
		})
		synctest.Wait()
		cancel()
		permit.Done()
		group.Wait()
		if s := l.Snapshot(); s.Running != 0 || s.Waiting != 0 || s.Passed != 2 {
			t.Errorf("afterwards %+v", s)
		}
	})
}

func TestAQueueOfAbandonedCallsDoesNotDelayACall(t *testing.T) {
	for range 1000 {
		synctest.Test(t, func(t *testing.T) {
			l := limit.NewConcurrency("reports", limit.Concurrency{Max: 1, MaxWait: time.Minute})
			permit, _ := l.Acquire(t.Context())
			ctx, cancel := context.WithCancel(t.Context())
			var gone sync.WaitGroup
			gone.Go(func() { _, _ = l.Acquire(ended{ctx}) })
			synctest.Wait()
			_ = l.Set(limit.Concurrency{Max: 1, Queue: -1})
			cancel()
			permit.Done()
			if _, err := l.Acquire(t.Context()); err != nil {
				t.Error(err)
			}
			gone.Wait()
		})
	}
}

func TestAPermitIsNotLostIfTheContextEndsAtTheSameTime(t *testing.T) {
	l := limit.NewConcurrency("reports", limit.Concurrency{Max: 1, MaxWait: time.Minute})
	for round := range 20_000 {
		permit, err := l.Acquire(t.Context())
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var both sync.WaitGroup
		both.Go(func() {
			if permit, err := l.Acquire(ctx); err == nil {
				permit.Done()
			}
		})
		for l.Snapshot().Waiting == 0 {
			runtime.Gosched()
		}
		both.Go(cancel)
		permit.Done()
		both.Wait()
		if s := l.Snapshot(); s.Running != 0 || s.Waiting != 0 {
			t.Fatalf("round %d: %+v", round, s)
		}
	}
}

func TestDoneOnACopyReturnsThePermit(t *testing.T) {
	l := limit.NewConcurrency("reports", limit.Concurrency{Max: 2, Queue: -1})
	acquire := func() limit.ConcurrencyPermit {
		permit, err := l.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return permit
	}
	first, second := acquire(), acquire()
	clone := first
	clone.Done()
	third := acquire()
	if s := l.Snapshot(); s.Running != 2 {
		t.Errorf("%d run, want 2", s.Running)
	}
	if _, err := l.Acquire(t.Context()); err == nil {
		t.Error("a third call was admitted beside two, want a refusal")
	}
	second.Done()
	third.Done()
	limit.ConcurrencyPermit{}.Done()
	if s := l.Snapshot(); s.Running != 0 {
		t.Errorf("%d run after all have ended, want 0", s.Running)
	}
}

func TestPermitsAreNeverLostOrDoubled(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		timeouts := rapid.SliceOfN(rapid.IntRange(0, 30), 1, 60).Draw(rt, "patience")
		most := rapid.IntRange(1, 4).Draw(rt, "max")
		synctest.Test(t, func(t *testing.T) {
			l := limit.NewConcurrency("reports", limit.Concurrency{Max: most, Queue: 8, MaxWait: 20 * time.Millisecond})
			var group sync.WaitGroup
			for _, p := range timeouts {
				group.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(p)*time.Millisecond)
					defer cancel()
					permit, err := l.Acquire(ctx)
					if err != nil {
						return
					}
					if s := l.Snapshot(); s.Running > most {
						t.Errorf("%d run of %d", s.Running, most)
					}
					bubble.Sleep(5 * time.Millisecond)
					permit.Done()
				})
			}
			group.Wait()
			if s := l.Snapshot(); s.Running != 0 || s.Waiting != 0 {
				t.Fatalf("afterwards %+v", s)
			}
		})
	})
}
