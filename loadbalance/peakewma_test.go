package loadbalance_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
)

// The good instance has to connect, and is slow now and then, so the charge of a failure is
// soon below what a call to the good one takes.
func TestOneSlowCallOfAnotherDoesNotBringBackTheInstanceThatFailedLast(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Seed: seed + 1}, instances("", ""))
			n := 0
			got := counts(t, b, 50, func(id string) (time.Duration, error) {
				if id == "b" {
					return 300 * time.Microsecond, errDown
				}
				switch n++; {
				case n == 1:
					return 5 * time.Millisecond, nil
				case n%7 == 0:
					return time.Duration(n) * time.Millisecond, nil
				}
				return 200 * time.Microsecond, nil
			})
			if got["b"] > 2 {
				t.Errorf("seed %d: of 50 calls in a row %d failed", seed+1, got["b"])
			}
		})
	}
}

func TestTheInstanceThatFailedLastGetsCallsAgainAfterAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, many(2))
		counts(t, b, 100, takes(10*time.Millisecond))
		fail(t, b, "0", 1)
		if got := counts(t, b, 300, takes(10*time.Millisecond)); got["0"] > 0 {
			t.Errorf("in three seconds it got %d calls", got["0"])
		}
		if got := counts(t, b, 3000, takes(10*time.Millisecond)); got["0"] < 5 {
			t.Errorf("in half a minute it got %d calls of 3000", got["0"])
		}
	})
}

func TestPeakEWMAPrefersTheFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, instances("", "", ""))
		got := counts(t, b, 3000, func(id string) (time.Duration, error) {
			if id == "a" {
				return 100 * time.Millisecond, nil
			}
			return 10 * time.Millisecond, nil
		})
		if got["a"] > 150 || got["a"] == 0 || got["b"] < 1000 || got["c"] < 1000 {
			t.Errorf("a takes ten times as long as the others, and they got %v", got)
		}
	})
}

func TestPeakEWMAForgivesOneSlowCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, instances("", ""))
		counts(t, b, 20, func(string) (time.Duration, error) { return 10 * time.Millisecond, nil })
		slow := only(t, b, "a")
		<-time.After(10 * time.Second)
		slow.Done(context.Background(), nil)
		quick := func(string) (time.Duration, error) { return 10 * time.Millisecond, nil }
		if got := counts(t, b, 100, quick); got["b"] < 90 {
			t.Errorf("right after the peak: %v", got)
		}
		<-time.After(10 * time.Minute)
		counts(t, b, 1000, quick)
		if got := counts(t, b, 1000, quick); got["a"] < 300 {
			t.Errorf("long after the peak: %v", got)
		}
	})
}

func TestAFastFailingInstanceIsNeverPreferred(t *testing.T) {
	for name, ejection := range map[string]loadbalance.Ejection{"ejected": {}, "not ejected": {Disabled: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := pool(loadbalance.Policy{Ejection: ejection}, instances("", "", ""))
				got := counts(t, b, 3000, func(id string) (time.Duration, error) {
					if id == "a" {
						return 10 * time.Microsecond, errDown
					}
					return 10 * time.Millisecond, nil
				})
				if got["a"] > 300 {
					t.Errorf("a fails at once, and they got %v", got)
				}
			})
		})
	}
}

func TestAnInstanceThatHangsFromTheStartGetsFewCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, instances("", "", ""))
		got := counts(t, b, 500, func(id string) (time.Duration, error) {
			if id == "a" {
				return time.Second, fault.DeadlineExceeded.Errorf("our own limit")
			}
			return 10 * time.Millisecond, nil
		})
		if got["a"] > 25 {
			t.Errorf("a hangs, and they got %v", got)
		}
	})
}

func TestOneSlowCallBesideAHangingInstanceCostsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Ejection: loadbalance.Ejection{Disabled: true}}, instances("", "", ""))
		counts(t, b, 30, func(string) (time.Duration, error) { return 10 * time.Millisecond, nil })
		hangs := only(t, b, "a")
		<-time.After(30 * time.Second)
		hangs.Done(context.Background(), errDown)
		counts(t, b, 10, func(string) (time.Duration, error) { return 10 * time.Millisecond, nil })
		fail(t, b, "b", 1)
		if l := state(t, b, "b").Latency; l > 0.1 {
			t.Errorf("one refusal is charged %.3f s", l)
		}
	})
}

func TestANewInstanceStartsWithTheAverageLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, instances("", ""))
		for id, took := range map[string]time.Duration{"a": 10 * time.Millisecond, "b": 30 * time.Millisecond} {
			picked := only(t, b, id)
			<-time.After(took)
			picked.Done(context.Background(), nil)
		}
		b.Update(instances("", "", ""))
		if l := state(t, b, "c").Latency; math.Abs(l-0.020) > 1e-6 {
			t.Errorf("it begins at %.4f s", l)
		}
		if l := state(t, b, "a").Latency; math.Abs(l-0.010) > 1e-6 {
			t.Errorf("Update made the known latency %.4f s", l)
		}
		got := 0
		for range 60 { // all at once
			if pick(t, b).Instance.ID == "c" {
				got++
			}
		}
		if got > 30 {
			t.Errorf("the new one drew %d of 60 calls", got)
		}
	})
}

func TestEveryInstanceIsTriedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 20 {
			b := pool(loadbalance.Policy{}, instances("", ""))
			first := true
			got := counts(t, b, 3, func(string) (time.Duration, error) {
				if first { // the first call has to connect
					first = false
					return 5 * time.Millisecond, nil
				}
				return time.Millisecond, nil
			})
			if got["a"] == 0 || got["b"] == 0 {
				t.Fatalf("one call at a time went to %v", got)
			}
		}
	})
}
