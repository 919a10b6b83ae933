package breaker_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
)

// every makes n calls, one each gap, that fail if fails says so, and counts the refusals.
func every(c breaker.Breaker, gap time.Duration, n int, fails func(n int) bool) (refused int) {
	for k := range n {
		var err error
		if fails(k) {
			err = errFailed
		}
		if !callOnce(c, 0, err) {
			refused++
		}
		<-time.After(gap)
	}
	return refused
}

func never(int) bool  { return false }
func always(int) bool { return true }

// evenly makes a percentage of the calls fail, the good ones as far apart as possible;
// drawn makes each call fail with that probability.
func evenly(percent int) func(int) bool {
	return func(n int) bool { return n*(100-percent)%100 >= 100-percent }
}

func drawn(percent int) func(int) bool {
	random := rand.New(rand.NewPCG(7, uint64(percent)))
	return func(int) bool { return random.IntN(100) < percent }
}

func TestWhileSomeCallsSucceedTheZeroPolicyRefusesNone(t *testing.T) {
	for name, spread := range map[string]func(int) func(int) bool{"evenly": evenly, "at random": drawn} {
		for _, percent := range []int{10, 50, 75, 90, 97} {
			for _, gap := range []time.Duration{500 * time.Microsecond, 5 * time.Millisecond, 50 * time.Millisecond, time.Second} {
				synctest.Test(t, func(t *testing.T) {
					c, fails := breaker.New("orders", breaker.Policy{}), spread(percent)
					if percent > 75 { // of which nothing is known yet, looks like an outage
						c.ForceClosed()
						every(c, gap, 3000, fails)
						calls(c, 1, nil)
						c.Release()
					}
					if refused := every(c, gap, 10_000, fails); refused > 0 {
						t.Errorf("%d %% fail %s, a call each %s: %d refused", percent, name, gap, refused)
					}
				})
			}
		}
	}
}

func TestAnOutageOpensTheZeroPolicy(t *testing.T) {
	for name, tt := range map[string]struct {
		before func(n int) bool
		most   int // calls of the outage that pass before it opens
	}{
		"after calm":               {never, 26},
		"after every fourth":       {func(n int) bool { return n%4 == 0 }, 26},
		"after every second":       {func(n int) bool { return n%2 == 0 }, 27},
		"after nine out of ten":    {func(n int) bool { return n%10 != 9 }, 150},
		"after 29 of thirty":       {func(n int) bool { return n%30 != 29 }, 450},
		"after a blip of a second": {func(n int) bool { return n > 500 && n < 600 && n%7 > 0 }, 26},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := breaker.New("orders", breaker.Policy{})
				c.ForceClosed()
				every(c, 10*time.Millisecond, 3000, tt.before)
				calls(c, 1, nil)
				c.Release()
				passed := 0
				for c.State() == breaker.Closed && passed <= tt.most {
					callOnce(c, 0, errFailed)
					passed++
					bubble.Sleep(10 * time.Millisecond)
				}
				if c.State() != breaker.Open || passed > tt.most {
					t.Errorf("%s after %d calls that all failed", c.State(), passed)
				}
			})
		})
	}
}

func TestABurstOfOneMomentOpensNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{})
		every(c, time.Millisecond, 1000, never)
		for range 100 { // a tenant's burst every two seconds, and the others between
			if refused := every(c, 2*time.Millisecond/60, 60, always); refused > 0 {
				t.Fatalf("%d of the burst refused", refused)
			}
			if refused := every(c, 10*time.Millisecond, 200, never); refused > 0 {
				t.Fatalf("%d refused after a burst of 60 failures within 2 ms", refused)
			}
		}
		calls(c, 60, errFailed) // at once
		if c.State() != breaker.Closed {
			t.Error("opened by 60 failures at once")
		}
	})
}

func TestFailingOperationsDoNotBlockOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(3, 5))
		c := breaker.New("orders", breaker.Policy{})
		if refused := every(c, 5*time.Millisecond, 20_000, func(int) bool { return random.IntN(5) < 3 }); refused > 0 {
			t.Errorf("three of five operations fail, and %d calls were refused", refused)
		}
	})
}

func TestCallsThatAreSlowByNatureOpenNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{})
		for range 500 {
			if !callOnce(c, 6*time.Second, nil) {
				t.Fatal("refused, though every call succeeds")
			}
		}
		c.ForceOpen()
		c.Release()
		if callOnce(c, 6*time.Second, nil); c.State() != breaker.Closed {
			t.Errorf("%s after a good probe that took 6 s", c.State())
		}
	})
}

func TestOneGoodProbeCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{})
		every(c, 20*time.Millisecond, 20, always)
		if c.State() != breaker.Open {
			t.Fatal(c.State())
		}
		_, err := c.Allow(t.Context())
		bubble.Sleep(fault.RetryAfter(err))
		if callOnce(c, 0, nil); c.State() != breaker.Closed {
			t.Errorf("%s after a good probe", c.State())
		}
	})
}

// The end of an outage is noticed after a twenty-fourth of its time at most, or after 5 s,
// or after 120 ms if that is more.
func TestRecoveryIsNoticedWithinATwentyFourthOfTheOutage(t *testing.T) {
	for _, outage := range []time.Duration{300 * time.Millisecond, time.Second, 4 * time.Second, 20 * time.Second, 2 * time.Minute, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			c := breaker.New("orders", breaker.Policy{})
			every(c, 10*time.Millisecond, 1000, never)
			begun := time.Now()
			down := func(int) bool { return time.Since(begun) < outage }
			every(c, 10*time.Millisecond, int(outage/(10*time.Millisecond)), down)
			refused := time.Duration(every(c, 10*time.Millisecond, 1000, down)) * 10 * time.Millisecond
			if most := min(max(outage/24, 120*time.Millisecond), 5*time.Second) + 10*time.Millisecond; refused > most {
				t.Errorf("after an outage of %s calls are refused for %s, at most %s should be", outage, refused, most)
			}
		})
	}
}

func TestWhatOpenedItCountsWhenItIsClosedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{})
		every(c, 10*time.Millisecond, 2000, never)
		opened := 0
		ctx, cancel := context.WithCancel(t.Context())
		changes := c.Changes(ctx)
		every(c, 10*time.Millisecond, 6000, func(n int) bool { return n%30 != 29 })
		cancel()
		for change := range changes {
			if change.From == breaker.Closed && change.To == breaker.Open {
				opened++
			}
		}
		if opened > 1 {
			t.Error(fmt.Sprint("29 of 30 calls fail after calm, and it opens ", opened, " times for rows that are usual"))
		}
	})
}

// If the share of failures jumps, an opening is a mistake, and costs little.
func TestAnOpeningByMistakeIsShort(t *testing.T) {
	for percent, most := range map[int]int{90: 40, 97: 170} { // of 450 refused, on average
		refused, processes := 0, 50
		for seed := range processes {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(uint64(seed), uint64(percent))) //nolint:gosec // the same each time
				c := breaker.New("orders", breaker.Policy{Seed: 1})
				every(c, 66*time.Millisecond, 300, never)
				refused += every(c, 66*time.Millisecond, 450, func(int) bool { return random.IntN(100) < percent })
			})
		}
		if got := refused / processes; got > most {
			t.Errorf("%d %% fail at once, and of 450 calls in 30 s %d are refused, at most %d should be", percent, got, most)
		}
	}
}

func TestUntilItIsSureItAdmitsThreeProbesAndNoRetry(t *testing.T) {
	for name, tt := range map[string]struct {
		fails error
		most  int // probes until the opening is sure
	}{"answered": {errFailed, 160 - 20}, "nobody there": {errUnreached, 0}, "no answer": {context.DeadlineExceeded, 0}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := breaker.New("orders", breaker.Policy{})
				every(c, 20*time.Millisecond, 20, always)
				bubble.Sleep(250 * time.Millisecond)
				repeat := call.With(t.Context(), call.Record{Attempt: 2})
				if _, err := c.Allow(repeat); fault.ReasonOf(err) != "breaker_open" {
					t.Error("a repeat is a probe:", err)
				}
				if got := stampede(t, c, 100); got != 3 {
					t.Errorf("%d probes at once", got)
				}
				bubble.Sleep(10 * time.Second) // their leases
				probes := 0
				for c.State() == breaker.HalfOpen && probes <= tt.most {
					callOnce(c, 0, tt.fails)
					probes++
				}
				if probes != tt.most+1 {
					t.Errorf("open again after %d failed probes, should be %d", probes, tt.most+1)
				}
			})
		})
	}
}
