package backoff_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/internal/backoff"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWaitsStayBetweenMinAndMaxAndBelowThreeTimesTheLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := backoff.Policy{Min: time.Duration(rapid.IntRange(1, 1000).Draw(t, "min"))}
		p.Max = p.Min + time.Duration(rapid.IntRange(0, 100_000).Draw(t, "more"))
		var wait time.Duration
		for range 50 {
			last := max(wait, p.Min)
			if wait = p.Next(wait); wait < p.Min || wait > p.Max || wait > 3*last {
				t.Fatalf("%v gave %d after %d", p, wait, last)
			}
		}
	})
}

func TestWaitsGrowToMax(t *testing.T) {
	p := backoff.Policy{Min: 20 * time.Millisecond, Max: time.Second}
	var wait, longest time.Duration
	for range 1000 {
		wait = p.Next(wait)
		longest = max(longest, wait)
	}
	if longest < 900*time.Millisecond {
		t.Errorf("the longest of 1000 waits is %s of %s", longest, p.Max)
	}
}

func TestWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := backoff.Wait(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Fatalf("%v after %s", err, time.Since(start))
		}
		if err := backoff.Wait(t.Context(), time.Second); err != nil || time.Since(start) != 2*time.Second {
			t.Fatalf("%v after %s", err, time.Since(start))
		}
	})
}
