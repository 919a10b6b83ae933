package limit_test

import (
	"encoding/json"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
)

func TestRateLetsThroughItsRateAndOneBurst(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rate := rapid.Float64Range(0.5, 500).Draw(rt, "rate")
		burst := rapid.IntRange(1, 50).Draw(rt, "burst")
		gap := time.Duration(rapid.IntRange(1, 200).Draw(rt, "gap")) * time.Millisecond
		synctest.Test(t, func(t *testing.T) {
			l := limit.NewRate("api", limit.Rate{PerSecond: rate, Burst: burst})
			passed, begun := 0, time.Now()
			for range 500 {
				if l.Allow() == nil {
					passed++
				}
				bubble.Sleep(gap)
			}
			elapsed := (time.Since(begun) - gap).Seconds()
			if most := float64(burst) + rate*elapsed + 1; float64(passed) > most {
				t.Fatalf("%d passed in %.1f s; at most %.1f may", passed, elapsed, most)
			}
			if least := min(500, rate*elapsed*0.95-1); burst > 1 && float64(passed) < least {
				t.Fatalf("%d passed in %.1f s; at least %.1f should", passed, elapsed, least)
			}
		})
	})
}

func TestRateSavesNoMoreThanItsBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewRate("api", limit.Rate{PerSecond: 10, Burst: 5})
		for round := range 3 {
			bubble.Sleep(time.Hour)
			passed := 0
			for range 100 {
				if l.Allow() == nil {
					passed++
				}
			}
			if passed != 5 {
				t.Errorf("round %d: %d passed after an idle hour, and the burst is 5", round, passed)
			}
		}
	})
}

func TestRateRefusalSaysWhenToRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewRate("api", limit.Rate{PerSecond: 2, Burst: 1})
		if err := l.Allow(); err != nil {
			t.Fatal(err)
		}
		err := l.Allow()
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.ResourceExhausted || !f.Unprocessed || f.Reason != "rate_limited" || f.RetryAfter != 500*time.Millisecond {
			t.Fatalf("%#v", err)
		}
		bubble.Sleep(f.RetryAfter)
		if err := l.Allow(); err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}

func TestRateSetAppliesAtOnceAndDoesNotRefill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewRate("api", limit.Rate{PerSecond: 1, Burst: 3})
		for range 3 {
			_ = l.Allow()
		}
		if err := l.Set(limit.Rate{PerSecond: -1}); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("a negative rate: %v", err)
		}
		if l.Allow() == nil {
			t.Error("the bucket was filled by Set")
		}
		if err := l.Set(limit.Rate{Disabled: true}); err != nil || l.Allow() != nil {
			t.Error("disabled, and it refuses")
		}
		if s := l.Snapshot(); s.Passed != 4 || s.Refused != 1 {
			t.Errorf("snapshot %+v", s)
		}
	})
}

func TestRateSetPreservesTheNumberOfTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewRate("api", limit.Rate{PerSecond: 0.01, Burst: 10})
		for range 10 {
			_ = l.Allow()
		}
		if err := l.Set(limit.Rate{PerSecond: 1000, Burst: 10}); err != nil {
			t.Fatal(err)
		}
		if wait := fault.RetryAfter(l.Allow()); wait != time.Millisecond {
			t.Errorf("ten tokens taken, a thousand a second come back, and it says to wait %s", wait)
		}
		bubble.Sleep(5 * time.Millisecond)
		if err := l.Set(limit.Rate{PerSecond: 0.01, Burst: 10}); err != nil {
			t.Fatal(err)
		}
		if got := l.Snapshot().Tokens; got < 4.99 || got > 5.01 {
			t.Errorf("%v tokens, want 5", got)
		}
	})
}

func TestRateIsExactUnderConcurrency(t *testing.T) {
	l := limit.NewRate("api", limit.Rate{PerSecond: 1e-5, Burst: 100})
	var passed atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				if l.Allow() == nil {
					passed.Add(1)
				}
			}
		})
	}
	group.Wait()
	if passed.Load() != 100 {
		t.Errorf("%d of a burst of 100 passed", passed.Load())
	}
}

func TestExtremeRatesDoNotOverflow(t *testing.T) {
	for _, r := range []limit.Rate{{PerSecond: 1e9, Burst: 1 << 40}, {PerSecond: 1e-5, Burst: 1 << 40}, {PerSecond: 1e9}} {
		if err := limit.NewRate("api", r).Allow(); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
	var r limit.Rate
	if err := json.Unmarshal([]byte(`{"per_second":5,"brust":1}`), &r); err == nil {
		t.Error("an unknown setting was taken")
	}
}

func TestRateAllocatesNothing(t *testing.T) {
	l := limit.NewRate("api", limit.Rate{PerSecond: 1e9})
	if got := testing.AllocsPerRun(1000, func() { _ = l.Allow() }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkRate(b *testing.B) {
	l := limit.NewRate("api", limit.Rate{PerSecond: 1e9})
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Allow()
	}
}
