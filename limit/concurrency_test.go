package limit_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
)

func TestNoMoreThanMaxRunAndWaitingCallsRunInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewConcurrency("reports", limit.Concurrency{Max: 2, Queue: 10, MaxWait: time.Minute})
		var mu sync.Mutex
		var order []int
		running := 0
		var group sync.WaitGroup
		for i := range 10 {
			group.Go(func() {
				permit, err := l.Acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, i)
				if running++; running > 2 {
					t.Errorf("%d run", running)
				}
				mu.Unlock()
				bubble.Sleep(time.Second)
				mu.Lock()
				running--
				mu.Unlock()
				permit.Done()
			})
			synctest.Wait()
		}
		group.Wait()
		// Two permits end at a time, and either goroutine may run first.
		pairs := func(a, b int) int { return a/2 - b/2 }
		if !slices.IsSortedFunc(order, pairs) || len(order) != 10 {
			t.Errorf("order %v", order)
		}
		if s := l.Snapshot(); s.Running != 0 || s.Waiting != 0 || s.Passed != 10 {
			t.Errorf("afterwards %+v", s)
		}
	})
}

func TestFullQueueAndLongWaitAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewConcurrency("reports", limit.Concurrency{Max: 1, Queue: 1})
		permit, err := l.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var waited error
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, waited = l.Acquire(t.Context())
		}()
		synctest.Wait()
		_, err = l.Acquire(t.Context())
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.Unavailable || f.Reason != "overloaded" || !f.Unprocessed || f.RetryAfter <= 0 {
			t.Errorf("full queue: %#v", err)
		}
		<-done
		if !errors.Is(waited, fault.Unavailable) || time.Since(start) != time.Second {
			t.Errorf("waited %s: %v", time.Since(start), waited)
		}
		permit.Done()
		if s := l.Snapshot(); s.Running != 0 || s.Waiting != 0 || s.Refused != 2 {
			t.Errorf("afterwards %+v", s)
		}
	})
}

func TestSetAdmitsWaitingCallsAndRefusesAnInvalidPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewConcurrency("reports", limit.Concurrency{Max: 1})
		first, _ := l.Acquire(t.Context())
		got := make(chan limit.ConcurrencyPermit)
		go func() {
			permit, err := l.Acquire(t.Context())
			if err != nil {
				t.Error(err)
			}
			got <- permit
		}()
		synctest.Wait()
		if err := l.Set(limit.Concurrency{Max: -1, MaxWait: -1}); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("invalid policy: %v", err)
		}
		if err := l.Set(limit.Concurrency{Max: 2}); err != nil {
			t.Fatal(err)
		}
		second := <-got
		if err := l.Set(limit.Concurrency{Max: 1, Queue: -1}); err != nil {
			t.Fatal(err)
		}
		first.Done()
		if _, err := l.Acquire(t.Context()); err == nil {
			t.Error("let in above a lowered limit")
		}
		second.Done()
		if permit, err := l.Acquire(t.Context()); err != nil {
			t.Error(err)
		} else {
			permit.Done()
		}
	})
}

func TestAPanicReleasesThePermit(t *testing.T) {
	l := limit.NewConcurrency("reports", limit.Concurrency{Max: 1})
	ep := endpoint.New(func(context.Context, int) (int, error) { panic("oops") }).With(l.Middleware())
	func() {
		defer func() { _ = recover() }()
		_, _ = ep(t.Context(), 1)
	}()
	if s := l.Snapshot(); s.Running != 0 {
		t.Errorf("%d still run", s.Running)
	}
}

func TestConcurrencySurvivesJSON(t *testing.T) {
	p := limit.Concurrency{Max: 3, Queue: -1, MaxWait: 1500 * time.Millisecond, Disabled: true}
	text, err := json.Marshal(p)
	var back limit.Concurrency
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil || back != p {
		t.Errorf("%s became %+v (%v)", text, back, err)
	}
}

func TestCallThatNeedNotWaitAllocatesNothing(t *testing.T) {
	l := limit.NewConcurrency("reports", limit.Concurrency{})
	ep := l.Middleware()(func(context.Context, any) (any, error) { return nil, nil })
	ctx := context.Background()
	if got := testing.AllocsPerRun(1000, func() { _, _ = ep(ctx, nil) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func TestAbandonedCallsMakeRoomInAFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewConcurrency("reports", limit.Concurrency{Max: 1, Queue: 2, MaxWait: time.Minute})
		permit, _ := l.Acquire(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() { _, _ = l.Acquire(ended{ctx}) })
		}
		synctest.Wait()
		if _, err := l.Acquire(t.Context()); !errors.Is(err, fault.Unavailable) {
			t.Errorf("a full queue of callers who wait: %v", err)
		}
		cancel()
		group.Go(func() {
			next, err := l.Acquire(t.Context())
			if err != nil {
				t.Errorf("a full queue of callers who have left: %v", err)
			}
			next.Done()
		})
		synctest.Wait()
		if s := l.Snapshot(); s.Waiting != 1 {
			t.Errorf("%d wait", s.Waiting)
		}
		permit.Done()
		group.Wait()
	})
}

func TestDeadlineThatCannotBeMetIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewConcurrency("reports", limit.Concurrency{Max: 1, Queue: 100, MaxWait: time.Hour})
		var group sync.WaitGroup
		for range 40 {
			group.Go(func() {
				if permit, err := l.Acquire(t.Context()); err == nil {
					bubble.Sleep(time.Second)
					permit.Done()
				}
			})
		}
		bubble.Sleep(10500 * time.Millisecond) // 29 wait, one a second leaves the queue
		begun := time.Now()
		for timeout, refused := range map[time.Duration]bool{5 * time.Second: true, 60 * time.Second: false} {
			group.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), timeout)
				defer cancel()
				permit, err := l.Acquire(ctx)
				if refused != (errors.Is(err, fault.Unavailable) && time.Since(begun) == 0 && fault.IsUnprocessed(err)) {
					t.Errorf("one who waits %s: %v after %s", timeout, err, time.Since(begun))
				}
				permit.Done()
			})
		}
		group.Wait()
		if s := l.Snapshot(); s.Refused != 1 || s.Passed != 41 || s.Wasted != 0 {
			t.Errorf("afterwards %+v", s)
		}
	})
}

func TestWorkWhoseCallerHasGoneIsCountedAsWasted(t *testing.T) {
	l := limit.NewConcurrency("reports", limit.Concurrency{})
	ctx, cancel := context.WithCancel(t.Context())
	gone, _ := l.Acquire(ctx)
	stays, _ := l.Acquire(t.Context())
	cancel()
	gone.Done()
	stays.Done()
	if s := l.Snapshot(); s.Passed != 2 || s.Wasted != 1 {
		t.Errorf("snapshot %+v", s)
	}
}
