package loadbalance_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
)

func TestFailingEveryOtherCallEjectsBySuccessRate(t *testing.T) {
	for _, a := range algorithms {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Algorithm: a}, many(4))
			n := 0
			traffic(t, b, 5*time.Millisecond, 20*time.Second, func(id string) (time.Duration, error) {
				if id == "1" {
					n++
				}
				if id == "1" && n%2 == 0 {
					return 10 * time.Millisecond, errDown
				}
				return 10 * time.Millisecond, nil
			})
			if i := state(t, b, "1"); !i.Ejected && !i.Probation {
				t.Errorf("%s: %+v", a, i)
			}
			for _, id := range []string{"0", "2", "3"} {
				if i := state(t, b, id); i.Ejected || i.Probation {
					t.Errorf("%s: %+v", a, i)
				}
			}
		})
	}
}

func TestWhenAllFailEveryOtherCallNoneIsEjected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, many(4))
		n := 0
		for range 10 {
			traffic(t, b, 5*time.Millisecond, time.Second, func(string) (time.Duration, error) {
				n++
				return 10 * time.Millisecond, []error{nil, errDown}[n%2]
			})
			if ejected(b) != 0 {
				t.Fatalf("%d are out", ejected(b))
			}
		}
	})
}

// expire makes n calls to the instance whose caller's time runs out.
func expire(t *testing.T, b *loadbalance.Pool, id string, n int, after time.Duration) {
	t.Helper()
	for range n {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		picked := only(t, b, id)
		<-ctx.Done()
		picked.Done(ctx, ctx.Err())
		cancel()
	}
}

func TestExpiredCallsEjectWhereTheOthersAreQuickerAndNotWhereAllAreAsSlow(t *testing.T) {
	for now, out := range map[time.Duration]int{10 * time.Millisecond: 1, 150 * time.Millisecond: 0} {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Decay: time.Minute}, many(4))
			traffic(t, b, 5*time.Millisecond, 20*time.Second, takes(10*time.Millisecond))
			traffic(t, b, 5*time.Millisecond, 2*time.Second, takes(now))
			expire(t, b, "0", 6, 200*time.Millisecond)
			if got := ejected(b); got != out {
				t.Errorf("calls expired after 200 ms at one while the others took %s: %d out", now, got)
			}
			if own, others := state(t, b, "0").Latency, now.Seconds(); own < others*0.9 {
				t.Errorf("one that lets calls expire is thought to take %.3f s, where the others take %.3f", own, others)
			}
		})
	}
}

func TestAReadmittedInstanceIsNotFloodedWhereTheOthersAreBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := poolWithProbeDue(t)
		for _, id := range []string{"b", "c"} {
			for range 3 {
				picked := only(t, b, id)
				<-time.After(200 * time.Millisecond)
				picked.Done(t.Context(), nil)
			}
		}
		for range 3 {
			picked, ok := probe(t, b, safe)
			if !ok {
				t.Fatal("no probe")
			}
			<-time.After(time.Millisecond)
			picked.Done(t.Context(), nil)
		}
		if i := state(t, b, "a"); i.Probation || i.Latency < 0.15 {
			t.Errorf("the others take 0.2 s, and this begins with %+v", i)
		}
	})
}

func TestARowOfFailuresIsComparedWithTheRecentFailuresOfTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Algorithm: loadbalance.Random}, many(4))
		counts(t, b, 5000, takes(2*time.Millisecond))
		for range 40 {
			for _, id := range []string{"1", "2", "3"} {
				fail(t, b, id, 1)
				only(t, b, id).Done(t.Context(), nil)
			}
		}
		fail(t, b, "0", 5)
		if ejected(b) != 0 {
			t.Error("half of all calls began to fail just now, and one with five failures in a row is out")
		}
	})
}

func TestASingleFailureOfAnotherPreventsNoEjection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, many(3))
		for range 12 {
			<-time.After(time.Second)
			for id := range 3 {
				only(t, b, fmt.Sprint(id)).Done(t.Context(), nil)
			}
		}
		fail(t, b, "1", 1)
		only(t, b, "1").Done(t.Context(), nil)
		fail(t, b, "0", 5)
		if !state(t, b, "0").Ejected {
			t.Error("another failed once, and one that fails five times in a row is not out")
		}
	})
}

func TestAnUnreachableInstanceIsEjectedAtOnce(t *testing.T) {
	for name, err := range map[string]error{
		"nobody there":            errUnreachable,
		"an answer":               errDown,
		"an answer with a reason": errDraining,
		"a failure":               fault.Internal.Errorf("boom").WithUnprocessed(),
	} {
		for _, a := range algorithms {
			synctest.Test(t, func(t *testing.T) {
				b := pool(loadbalance.Policy{Algorithm: a}, many(4))
				counts(t, b, 400, takes(time.Millisecond))
				only(t, b, "0").Done(t.Context(), err)
				if state(t, b, "0").Ejected != (name == "nobody there") {
					t.Errorf("%s: after %s %+v", a, name, state(t, b, "0"))
				}
			})
		}
	}
}

func TestAllUnreachableInstancesAreEjected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, many(6))
		for id := range 6 {
			only(t, b, fmt.Sprint(id)).Done(t.Context(), errUnreachable)
		}
		if got := ejected(b); got != 5 || state(t, b, "5").Ejected {
			t.Errorf("%d of six are out, and the last that might work: %+v", got, state(t, b, "5"))
		}
	})
}
