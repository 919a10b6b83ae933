package limit_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
)

func TestASecondDoneEndsNoOtherCall(t *testing.T) {
	l := limit.NewAdaptive("orders", limit.Adaptive{Max: 2})
	acquire := func() limit.AdaptivePermit {
		permit, err := l.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return permit
	}
	first, second := acquire(), acquire()
	first.Done(t.Context(), nil)
	first.Done(t.Context(), nil)
	third := acquire() // reuses the slot of the first
	first.Done(t.Context(), nil)
	if s := l.Snapshot(); s.InFlight != 2 || s.Passed != 3 {
		t.Errorf("snapshot %+v", s)
	}
	second.Done(t.Context(), nil)
	third.Done(t.Context(), nil)
	limit.AdaptivePermit{}.Done(t.Context(), nil)
	if s := l.Snapshot(); s.InFlight != 0 || s.Passed != 3 {
		t.Errorf("afterwards %+v", s)
	}
}

func TestAPanicReturnsThePermit(t *testing.T) {
	l := limit.NewAdaptive("orders", limit.Adaptive{})
	ep := endpoint.New(func(context.Context, int) (int, error) { panic("oops") }).With(l.Middleware())
	func() {
		defer func() { _ = recover() }()
		_, _ = ep(t.Context(), 1)
	}()
	if s := l.Snapshot(); s.InFlight != 0 || s.Passed != 1 {
		t.Errorf("afterwards %+v", s)
	}
}

func TestACallThatEndsAfterItsCallerHasGoneIsWasted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewAdaptive("orders", limit.Adaptive{})
		left, leave := context.WithCancel(t.Context())
		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var permits []limit.AdaptivePermit
		callers := []context.Context{t.Context(), left, late}
		for _, ctx := range callers {
			permit, err := l.Acquire(ctx)
			if err != nil {
				t.Fatal(err)
			}
			permits = append(permits, permit)
		}
		leave()
		bubble.Sleep(2 * time.Second)
		for i, ctx := range callers {
			permits[i].Done(ctx, nil)
		}
		if s := l.Snapshot(); s.Passed != 3 || s.Wasted != 2 {
			t.Errorf("snapshot %+v", s)
		}
		for want, ctx := range map[fault.Code]context.Context{fault.Canceled: left, fault.DeadlineExceeded: late} {
			if _, err := l.Acquire(ctx); !errors.Is(err, want) || !fault.IsUnprocessed(err) || fault.Judge(ctx, err).Outcome() != fault.Ignored {
				t.Errorf("a caller who had gone before got %v", err)
			}
		}
		if s := l.Snapshot(); s.Passed != 3 || s.Refused != 0 {
			t.Errorf("afterwards %+v", s)
		}
	})
}

func TestEndlessCallsRefuseNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewAdaptive("orders", limit.Adaptive{})
		var stay []limit.AdaptivePermit
		for range 14 {
			permit, err := l.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			stay = append(stay, permit)
		}
		refused := 0
		two := func(ends error) {
			for range 2 {
				permit, err := l.Acquire(t.Context())
				if err != nil {
					refused++
				}
				defer permit.Done(t.Context(), ends)
			}
			bubble.Sleep(100 * time.Millisecond)
		}
		for i := range 2000 {
			switch {
			case i >= 50 && i < 200:
				two(fault.NotFound.Errorf("nothing"))
			default:
				two(nil)
			}
		}
		if refused > 0 {
			t.Errorf("%d of 4000 refused beside %d that stay", refused, len(stay))
		}
		for _, permit := range stay {
			permit.Done(t.Context(), nil)
		}
	})
}

// While there is a limit, endless calls must not keep others out for ever.
func TestEndlessCallsDoNotFillALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewAdaptive("orders", limit.Adaptive{})
		l.Steer(5, 10*time.Millisecond)
		var stay []limit.AdaptivePermit
		for {
			permit, err := l.Acquire(t.Context())
			if err != nil {
				break
			}
			stay = append(stay, permit)
		}
		passed := 0
		for range 200 {
			permit, err := l.Acquire(t.Context())
			if err == nil {
				passed++
			}
			bubble.Sleep(50 * time.Millisecond)
			permit.Done(t.Context(), nil)
		}
		if len(stay) != 5 || passed < 120 {
			t.Errorf("%d stay, and %d of 200 newcomers passed in 10 s", len(stay), passed)
		}
		for _, permit := range stay {
			permit.Done(t.Context(), nil)
		}
	})
}

func TestAPausedCallNeedsNoRoomAndItsPauseIsNotTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewAdaptive("orders", limit.Adaptive{Max: 2})
		slow, _ := l.Acquire(t.Context())
		second, _ := l.Acquire(t.Context())
		slow.Pause()
		third, err := l.Acquire(t.Context())
		if err != nil {
			t.Errorf("beside one that waits for its caller: %v", err)
		}
		third.Done(t.Context(), nil)
		second.Pause()
		bubble.Sleep(time.Hour)
		second.Resume()
		slow.Resume()
		slow.Resume()
		if _, err := l.Acquire(t.Context()); err == nil {
			t.Error("who goes on takes no room")
		}
		bubble.Sleep(time.Millisecond)
		slow.Done(t.Context(), nil)
		second.Pause() // without a Resume
		second.Done(t.Context(), nil)
		for range 50 {
			permit, err := l.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			bubble.Sleep(10 * time.Millisecond)
			permit.Done(t.Context(), nil)
		}
		if s := l.Snapshot(); s.InFlight != 0 || s.Baseline > 100*time.Millisecond {
			t.Errorf("afterwards %+v", s)
		}
	})
}
