package retry_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/retry"
)

var (
	errUnreached = fault.Unavailable.Errorf("connection refused").WithUnprocessed()
	errFull      = fault.Unavailable.Errorf("no room").WithReason("overloaded").WithRetryAfter(time.Millisecond).WithUnprocessed()
)

// makeCalls makes calls, one each gap, whose attempts end as ends says, and counts the
// attempts and the calls that succeeded.
func makeCalls(t *testing.T, r *retry.Retrier, n int, gap time.Duration, ends func(attempt int) error) (attempts, good int) {
	t.Helper()
	for range n {
		err := r.Do(t.Context(), true, func(_ context.Context, attempt int) error {
			attempts++
			return ends(attempt)
		})
		if err == nil {
			good++
		}
		bubble.Sleep(gap)
	}
	return attempts, good
}

func TestRepeatsContinueWhileTheySucceed(t *testing.T) {
	// The share of the repeats, and of the successes, that remains compared with no budget;
	// the share of calls alone leaves 0.05 of the repeats at 97 %.
	for percent, left := range map[float64]struct{ repeats, good float64 }{
		5: {0.99, 0.99}, 60: {0.99, 0.99}, 80: {0.99, 0.99}, 90: {0.97, 0.97}, 97: {0.2, 0.4},
	} {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, uint64(percent)))
			r := retry.New("orders", retry.Policy{Seed: 1})
			ends := func(int) error {
				if random.Float64()*100 < percent {
					return errDown
				}
				return nil
			}
			makeCalls(t, r, 3000, 5*time.Millisecond, ends) // until a repeat has succeeded
			attempts, good := makeCalls(t, r, 5000, 5*time.Millisecond, ends)
			share := percent / 100
			if want := 5000 * (1 + share + share*share); float64(attempts-5000) < left.repeats*(want-5000) {
				t.Errorf("%v %% fail: %d attempts of 5000 calls, %.0f would be all", percent, attempts, want)
			}
			if want := 5000 * (1 - share*share*share); float64(good) < left.good*want {
				t.Errorf("%v %% fail: %d calls of 5000 succeed, %.0f would with all repeats", percent, good, want)
			}
		})
	}
}

func TestAnOutageUsesUpEarnedRepeatsAfterTwoHundred(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("orders", retry.Policy{Seed: 1})
		makeCalls(t, r, 1000, 5*time.Millisecond, func(attempt int) error {
			if attempt == 1 {
				return errDown
			}
			return nil
		})
		if left := r.Snapshot().Left; left < 199 || left > 240 {
			t.Errorf("after repeats that succeeded %v are left", left)
		}
		down := func(int) error { return errDown }
		attempts, _ := makeCalls(t, r, 100, 5*time.Millisecond, down)
		if attempts > 100+200+30 {
			t.Errorf("%d attempts of the first hundred calls of an outage", attempts)
		}
		for second := range 20 { // 10 % of 200 calls
			if attempts, _ := makeCalls(t, r, 200, 5*time.Millisecond, down); attempts > 200+24 {
				t.Errorf("%d attempts of 200 calls in second %d after", attempts, second)
			}
		}
	})
}

func TestARepeatAfterARefusedConnectionCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("orders", retry.Policy{Backoff: 1, MaxBackoff: 1})
		begun := r.Snapshot()
		attempts, good := makeCalls(t, r, 1000, 0, func(attempt int) error {
			if attempt < 3 {
				return errUnreached
			}
			return nil
		})
		s := r.Snapshot()
		if attempts != 3000 || good != 1000 || s.Repeats != 2000 || s.Refused != 0 {
			t.Errorf("%d attempts of 1000 calls, %d good: %+v", attempts, good, s)
		}
		if s.Left > begun.Left+begun.Left { // nor does it pay for others
			t.Errorf("%v are left, %v were", s.Left, begun.Left)
		}
	})
}

func TestARepeatAfterAnOverloadEarnsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("orders", retry.Policy{Seed: 1})
		attempts, _ := makeCalls(t, r, 4000, 5*time.Millisecond, func(attempt int) error {
			if attempt == 1 {
				return errFull
			}
			return nil
		})
		if attempts > 4000*112/100+30 {
			t.Errorf("%d attempts of 4000 calls, though there is no room", attempts)
		}
		if s := r.Snapshot(); s.Refused == 0 || s.Left > 30 {
			t.Errorf("%+v", s)
		}
	})
}

// A client with few calls finds out with its saved share that repeats help.
func TestTheSavedShareIsSpentIfSingleCallsFail(t *testing.T) {
	for percent, least := range map[float64]float64{75: 0.9, 90: 0.9, 97: 0.7} {
		attempts, want := 0, 0.0
		for seed := range uint64(20) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, uint64(percent))) //nolint:gosec // the same each time
				r := retry.New("orders", retry.Policy{Seed: 1})
				makeCalls(t, r, 300, 66*time.Millisecond, func(int) error { return nil })
				n, _ := makeCalls(t, r, 450, 66*time.Millisecond, func(int) error {
					if random.Float64()*100 < percent {
						return errDown
					}
					return nil
				})
				share := percent / 100
				attempts, want = attempts+n-450, want+450*(share+share*share)
			})
		}
		if got := float64(attempts) / want; got < least {
			t.Errorf("%v %% fail: %.2f of the repeats, at least %v should be", percent, got, least)
		}
	}
}

func TestTheSavedShareIsSpentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("orders", retry.Policy{Seed: 1})
		// Some operations always fail, the others never.
		attempts := 0
		for n := range 4000 {
			got, _ := makeCalls(t, r, 1, 5*time.Millisecond, func(int) error {
				if n%5 < 3 {
					return errDown
				}
				return nil
			})
			attempts += got
		}
		if attempts > 4000*11/10+100+10 {
			t.Errorf("%d attempts of 4000 calls, though no repeat helps", attempts)
		}
	})
}
