package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/retry"
)

func TestWaitsStayInBoundsAndRespectRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("orders", retry.Policy{Attempts: 8, Backoff: 10 * time.Millisecond, MaxBackoff: 100 * time.Millisecond, Budget: retry.Budget{Disabled: true}})
		last, before := time.Now(), time.Duration(0)
		_, _ = attempts(t.Context(), r, true, errDown)
		_ = r.Do(t.Context(), true, func(_ context.Context, n int) error {
			waited := time.Since(last)
			last = time.Now()
			if n > 1 && (waited < 10*time.Millisecond || waited > min(100*time.Millisecond, 3*max(before, 10*time.Millisecond))) {
				t.Errorf("waited %s after %s", waited, before)
			}
			before = waited
			return errDown
		})
		start := time.Now()
		_ = retry.New("orders", retry.Policy{Attempts: 2}).Do(t.Context(), true, func(context.Context, int) error {
			return fault.Unavailable.Errorf("draining").WithRetryAfter(7 * time.Second)
		})
		if waited := time.Since(start); waited != 7*time.Second {
			t.Errorf("waited %s of 7 s asked for", waited)
		}
	})
}

func TestNoCallIsRepeatedBeforeItsRetryAfter(t *testing.T) {
	for name, err := range map[string]*fault.Error{
		"overloaded":     fault.Unavailable.Errorf("full").WithReason("overloaded").WithUnprocessed(),
		"draining":       fault.Unavailable.Errorf("draining").WithUnprocessed(),
		"down":           fault.Unavailable.Errorf("down"),
		"quota":          fault.ResourceExhausted.Errorf("slow down"),
		"quota, not run": fault.ResourceExhausted.Errorf("slow down").WithUnprocessed(),
		"key in use":     fault.Aborted.Errorf("in use"),
		"broken":         fault.Internal.Errorf("it broke"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := retry.New("orders", retry.Policy{Budget: retry.Budget{Disabled: true}})
				start := time.Now()
				if n, _ := attempts(t.Context(), r, true, err.WithRetryAfter(time.Hour)); n != 3 || time.Since(start) != 2*time.Hour {
					t.Errorf("%d attempts in %s", n, time.Since(start))
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				start = time.Now()
				n, last := attempts(ctx, r, true, err.WithRetryAfter(time.Hour))
				if n != 1 || time.Since(start) != 0 || fault.RetryAfter(last) != time.Hour {
					t.Errorf("%d attempts in %s of an hour: %v", n, time.Since(start), last)
				}
			})
		})
	}
}

func TestNoAttemptStartsThatCannotEndInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n := 0
		start := time.Now()
		err := retry.New("orders", retry.Policy{Attempts: 10, Budget: retry.Budget{Disabled: true}}).Do(ctx, true, func(context.Context, int) error {
			n++
			bubble.Sleep(400 * time.Millisecond)
			return errDown
		})
		if n != 2 || time.Since(start) > 900*time.Millisecond || !errors.Is(err, fault.Unavailable) {
			t.Errorf("%d attempts of 400 ms in %s of 1 s: %v", n, time.Since(start), err)
		}
		n, err = attempts(ctx, retry.New("orders", retry.Policy{}), true, fault.Unavailable.Errorf("later").WithRetryAfter(time.Minute))
		if n != 1 || err == nil {
			t.Errorf("%d attempts although the answer asks for more time than there is", n)
		}
	})
}

func TestTheEndOfTheContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Millisecond, cancel)
		start := time.Now()
		n, err := attempts(ctx, retry.New("orders", retry.Policy{}), true, errDown)
		if n != 1 || err == nil || time.Since(start) != 5*time.Millisecond {
			t.Errorf("%d attempts, %v after %s", n, err, time.Since(start))
		}
	})
}

func TestWaitsGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("orders", retry.Policy{Attempts: 10, MaxBackoff: time.Second, Budget: retry.Budget{Disabled: true}})
		longest := time.Duration(0)
		for range 50 {
			last := time.Now()
			_ = r.Do(t.Context(), true, func(context.Context, int) error {
				longest = max(longest, time.Since(last))
				last = time.Now()
				return errDown
			})
		}
		if longest <= 300*time.Millisecond || longest > time.Second {
			t.Errorf("the longest of 450 waits was %s", longest)
		}
	})
}

func TestTheQuickestAttemptDecidesWhetherAnotherFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		last := 0
		_ = retry.New("orders", retry.Policy{}).Do(ctx, true, func(_ context.Context, n int) error {
			last = n
			bubble.Sleep([]time.Duration{1, 50, 1}[n-1] * 10 * time.Millisecond)
			return errDown
		})
		if last != 3 {
			t.Errorf("%d attempts; a third could take 10 ms as the first did, and there was time", last)
		}
	})
}
