package limit_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
)

func TestAdaptiveRefusalNamesLimiterAndLimitAndSaysWhatToDo(t *testing.T) {
	l := limit.NewAdaptive("orders", limit.Adaptive{Max: 2})
	first, _ := l.Acquire(t.Context())
	second, _ := l.Acquire(t.Context())
	_, err := l.Acquire(t.Context())
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Code != fault.Unavailable || f.Reason != "overloaded" || !f.Unprocessed || f.RetryAfter <= 0 || !strings.Contains(f.Message, "orders accepts 2 calls") {
		t.Errorf("%#v", err)
	}
	first.Done(t.Context(), nil)
	second.Done(t.Context(), nil)
	if s := l.Snapshot(); s.InFlight != 0 || s.Passed != 2 || s.Refused != 1 {
		t.Errorf("afterwards %+v", s)
	}
}

func TestHigherPriorityIsShedLater(t *testing.T) {
	l := limit.NewAdaptive("orders", limit.Adaptive{})
	l.Steer(100, 10*time.Millisecond)
	passes := func(priority int) bool {
		ctx := call.With(t.Context(), call.Record{Priority: priority})
		permit, err := l.Acquire(ctx)
		permit.Done(ctx, nil)
		return err == nil
	}
	for running, lowest := range map[int]int{40: math.MinInt, 55: -4, 85: -1, 95: 0, 105: 1, 145: 5} {
		var permits []limit.AdaptivePermit
		for range running {
			ctx := call.With(t.Context(), call.Record{Priority: math.MaxInt})
			permit, err := l.Acquire(ctx)
			if err != nil {
				t.Fatal(err)
			}
			permits = append(permits, permit)
		}
		if !passes(max(lowest, -9)) || lowest > math.MinInt && passes(lowest-1) {
			t.Errorf("with %d of 100 under way the lowest priority that passes is not %d", running, lowest)
		}
		for _, permit := range permits {
			permit.Done(t.Context(), nil)
		}
	}
}

func TestNoPriorityExceedsMax(t *testing.T) {
	l := limit.NewAdaptive("orders", limit.Adaptive{Max: 100})
	l.Steer(95, 10*time.Millisecond)
	ctx := call.With(t.Context(), call.Record{Priority: 5})
	for i := range 101 {
		if _, err := l.Acquire(ctx); (err != nil) != (i == 100) {
			t.Errorf("with %d under way: %v", i, err)
		}
	}
}

func TestCallsWithAShortDeadlineAreShedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewAdaptive("orders", limit.Adaptive{})
		l.Steer(4, 100*time.Millisecond)
		hurry, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		for i := range 4 {
			permit, err := l.Acquire(hurry)
			permit.Done(hurry, nil)
			if refused := err != nil; refused != (i >= 2) {
				t.Errorf("with %d of 4 under way: %v", i, err)
			}
			if _, err := l.Acquire(t.Context()); err != nil {
				t.Errorf("a caller who waits: %v", err)
			}
		}
	})
}

func TestRefusalsAndFastFailuresDoNotCountAsLowLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewAdaptive("orders", limit.Adaptive{})
		call := func(took time.Duration, err error) {
			permit, refused := l.Acquire(t.Context())
			if refused != nil {
				t.Fatal(refused)
			}
			bubble.Sleep(took)
			permit.Done(t.Context(), err)
		}
		for range 500 {
			call(20*time.Millisecond, nil)
		}
		usual := l.Snapshot().Baseline
		for range 500 {
			call(20*time.Millisecond, nil)
			call(time.Millisecond, fault.Internal.Errorf("oops"))
			call(time.Millisecond, fault.NotFound.Errorf("nothing"))
			call(time.Millisecond, fault.Unavailable.Errorf("down"))
		}
		if s := l.Snapshot(); usual != 20*time.Millisecond || s.Baseline != usual || s.Refused != 0 {
			t.Errorf("usual was %s, then %+v", usual, s)
		}
	})
}

func TestAnExceptedOperationIsOutsideOfTheLimit(t *testing.T) {
	l := limit.NewAdaptive("orders", limit.Adaptive{Max: 1, Except: []string{"GET /events"}})
	events := call.With(t.Context(), call.Record{Operation: call.Operation{Name: "GET /events"}})
	for range 10 {
		if _, err := l.Acquire(events); err != nil {
			t.Fatal(err)
		}
	}
	other, err := l.Acquire(t.Context())
	if err != nil {
		t.Errorf("another operation: %v", err)
	}
	if _, err := l.Acquire(t.Context()); err == nil {
		t.Error("the limit does not hold for others")
	}
	other.Done(t.Context(), nil)
	if err := l.Set(limit.Adaptive{Max: 1}); err != nil {
		t.Fatal(err)
	}
	first, _ := l.Acquire(events)
	if _, err := l.Acquire(events); err == nil {
		t.Error("it is excepted no more, and passes")
	}
	first.Done(events, nil)
}

func TestSetChangesAnAdaptiveInPlace(t *testing.T) {
	l := limit.NewAdaptive("orders", limit.Adaptive{Max: 1})
	if err := l.Set(limit.Adaptive{Max: -1}); !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("a negative max: %v", err)
	}
	permit, _ := l.Acquire(t.Context())
	for _, c := range []struct {
		policy limit.Adaptive
		passes bool
	}{{limit.Adaptive{Max: 1}, false}, {limit.Adaptive{Max: 2}, true}, {limit.Adaptive{Max: 1, Disabled: true}, true}, {limit.Adaptive{}, true}, {limit.Adaptive{Max: 1}, false}} {
		if err := l.Set(c.policy); err != nil {
			t.Fatal(err)
		}
		next, err := l.Acquire(t.Context())
		next.Done(t.Context(), nil)
		if c.passes != (err == nil) {
			t.Errorf("%+v: %v", c.policy, err)
		}
	}
	permit.Done(t.Context(), nil)
	if s := l.Snapshot(); s.InFlight != 0 || s.Passed != 4 || s.Refused != 2 {
		t.Errorf("afterwards %+v", s)
	}
}

func TestSetWhileCallsFlow(t *testing.T) {
	l := limit.NewAdaptive("orders", limit.Adaptive{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 2000 {
				if permit, err := l.Acquire(t.Context()); err == nil {
					permit.Done(t.Context(), nil)
				}
			}
		})
	}
	group.Go(func() {
		for i := range 200 {
			if err := l.Set(limit.Adaptive{Max: 1 + i%5, Disabled: i%7 == 0}); err != nil {
				t.Error(err)
			}
			_ = l.Snapshot()
		}
	})
	group.Wait()
	if s := l.Snapshot(); s.InFlight != 0 || s.Passed+s.Refused != 8000 {
		t.Errorf("afterwards %+v", s)
	}
}

func TestAdaptiveIsExactUnderConcurrency(t *testing.T) {
	l := limit.NewAdaptive("orders", limit.Adaptive{Max: 1000})
	var mu sync.Mutex
	var permits []limit.AdaptivePermit
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 300 {
				if permit, err := l.Acquire(t.Context()); err == nil {
					mu.Lock()
					permits = append(permits, permit)
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	if s := l.Snapshot(); len(permits) != 1000 || s.InFlight != 1000 || s.Refused != 1400 {
		t.Fatalf("%d passed, %+v", len(permits), s)
	}
	for range 8 {
		group.Go(func() {
			for _, permit := range permits {
				permit.Done(t.Context(), nil)
			}
		})
	}
	group.Wait()
	if s := l.Snapshot(); s.InFlight != 0 || s.Passed != 1000 {
		t.Errorf("afterwards %+v", s)
	}
}

func TestAdaptiveAllocatesNothing(t *testing.T) {
	l := limit.NewAdaptive("orders", limit.Adaptive{})
	ep := l.Middleware()(func(context.Context, any) (any, error) { return nil, nil })
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for _, state := range []string{"free", "steered"} {
		if got := testing.AllocsPerRun(1000, func() { _, _ = ep(ctx, nil) }); got != 0 {
			t.Errorf("%s: %v allocations", state, got)
		}
		l.Steer(100, time.Millisecond)
	}
}
