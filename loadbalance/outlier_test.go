package loadbalance_test

import (
	"context"

	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
)

var safe = loadbalance.Request{Safe: true}

// traffic starts one safe call every gap for d, without waiting for earlier ones, and
// counts the calls and the probes of each instance.
func traffic(t *testing.T, b *loadbalance.Pool, gap, d time.Duration, call func(id string) (time.Duration, error)) (got, probes map[string]int) {
	t.Helper()
	got, probes = map[string]int{}, map[string]int{}
	done := make(chan struct{})
	calls := int(d / gap)
	for range calls {
		picked, broken := b.Pick(context.Background(), safe)
		if broken != nil {
			t.Fatal(broken)
		}
		id := picked.Instance.ID
		got[id]++
		if picked.HedgeAfter > 0 {
			probes[id]++
		}
		took, err := call(id)
		go func() {
			<-time.After(took)
			picked.Done(context.Background(), err)
			done <- struct{}{}
		}()
		<-time.After(gap)
		select {
		case <-done:
			calls--
		default:
		}
	}
	for range calls {
		<-done
	}
	return got, probes
}

func takes(d time.Duration) func(string) (time.Duration, error) {
	return func(string) (time.Duration, error) { return d, nil }
}

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

func TestSlowInstanceGetsSingleProbesAndIsBackSoonAfterItDoesWell(t *testing.T) {
	for _, a := range algorithms {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Algorithm: a}, many(4))
			service := func(id string) (time.Duration, error) {
				if id == "2" {
					return 100 * time.Millisecond, nil
				}
				return 10 * time.Millisecond, nil
			}
			traffic(t, b, 5*time.Millisecond, 10*time.Second, service)
			if i := state(t, b, "2"); !i.Probation {
				t.Fatalf("%s: %+v", a, i)
			}
			got, probes := traffic(t, b, 5*time.Millisecond, 60*time.Second, service)
			if got["2"] > 30 || got["2"] < 20 || got["2"] != probes["2"] || len(probes) != 1 {
				t.Errorf("%s: in a minute it got %v, probes %v", a, got, probes)
			}
			traffic(t, b, 5*time.Millisecond, 3*time.Second, takes(10*time.Millisecond))
			got, probes = traffic(t, b, 5*time.Millisecond, 20*time.Second, takes(10*time.Millisecond))
			if len(probes) != 0 || got["2"] < 500 {
				t.Errorf("%s: back again it got %v, probes %v", a, got, probes)
			}
		})
	}
}

func TestWhenAllBecomeSlowNoneIsOnProbation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, many(4))
		traffic(t, b, 5*time.Millisecond, 10*time.Second, takes(10*time.Millisecond))
		traffic(t, b, 5*time.Millisecond, 10*time.Second, takes(60*time.Millisecond))
		for _, i := range b.Snapshot().Instances {
			if i.Probation {
				t.Errorf("%+v", i)
			}
		}
	})
}

func TestABlackHoleGetsAHandfulOfCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, many(10))
		traffic(t, b, time.Millisecond, 5*time.Second, takes(10*time.Millisecond))
		got, _ := traffic(t, b, time.Millisecond, time.Second, func(id string) (time.Duration, error) {
			if id == "4" {
				return 10 * time.Second, fault.DeadlineExceeded.Errorf("too late")
			}
			return 10 * time.Millisecond, nil
		})
		if got["4"] > 15 {
			t.Errorf("it hangs, and got %d of a thousand", got["4"])
		}
	})
}

// poolWithProbeDue is a pool of three with "a" on probation and its next probe due.
func poolWithProbeDue(t *testing.T) *loadbalance.Pool {
	b := pool(loadbalance.Policy{}, instances("", "", ""))
	for _, id := range []string{"b", "c"} {
		for range 3 {
			picked := only(t, b, id)
			<-time.After(10 * time.Millisecond)
			picked.Done(t.Context(), nil)
		}
	}
	fail(t, b, "a", 5)
	<-time.After(5 * time.Second)
	return b
}

func probe(t *testing.T, b *loadbalance.Pool, r loadbalance.Request) (loadbalance.Picked, bool) {
	t.Helper()
	for range 5 {
		picked, err := b.Pick(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if picked.HedgeAfter > 0 {
			return picked, true
		}
		picked.Done(t.Context(), nil)
	}
	return loadbalance.Picked{}, false
}

func TestProbesGoOneAtATimeAndAGoodOneIsFollowedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := poolWithProbeDue(t)
		for n := range 3 {
			first, ok := probe(t, b, safe)
			if !ok || first.Instance.ID != "a" {
				t.Fatalf("probe %d: %t, %+v", n, ok, first.Instance)
			}
			if _, ok := probe(t, b, safe); ok {
				t.Error("two at a time")
			}
			<-time.After(10 * time.Millisecond)
			first.Done(t.Context(), nil)
		}
		if i := state(t, b, "a"); i.Probation || i.Ejected {
			t.Errorf("after three good ones: %+v", i)
		}
	})
}

func TestAFailedProbeEjectsAgainAndLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := poolWithProbeDue(t)
		picked, _ := probe(t, b, safe)
		picked.Done(t.Context(), errDown)
		for range 10 {
			if !state(t, b, "a").Ejected {
				t.Fatal("it is not out")
			}
			if _, ok := probe(t, b, safe); ok {
				t.Fatal("it is probed while it is out")
			}
			<-time.After(time.Second - time.Millisecond)
		}
		<-time.After(10 * time.Millisecond)
		if i := state(t, b, "a"); i.Ejected || !i.Probation {
			t.Errorf("%+v", i)
		}
	})
}

func TestOnlySafeCallsProbeUnlessNoneComesForTenIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := poolWithProbeDue(t)
		for range 19 {
			if _, ok := probe(t, b, anyRequest); ok {
				t.Fatal("an unsafe call is a probe")
			}
			<-time.After(time.Second)
		}
		<-time.After(2 * time.Second)
		if _, ok := probe(t, b, anyRequest); !ok {
			t.Error("there is no safe call, and none is a probe")
		}
	})
}

func TestACancelledProbeCountsOnlyIfItTookLong(t *testing.T) {
	for took, good := range map[time.Duration]bool{time.Millisecond: true, time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			b := poolWithProbeDue(t)
			for range 2 {
				picked, _ := probe(t, b, safe)
				<-time.After(10 * time.Millisecond)
				picked.Done(t.Context(), nil)
			}
			ctx, cancel := context.WithCancel(t.Context())
			picked, ok := probe(t, b, safe)
			if !ok {
				t.Fatal("no probe")
			}
			<-time.After(took)
			cancel()
			picked.Done(ctx, ctx.Err())
			<-time.After(3 * time.Second)
			picked, ok = probe(t, b, safe)
			if !ok {
				t.Fatal("no further probe")
			}
			<-time.After(10 * time.Millisecond)
			picked.Done(t.Context(), nil)
			if i := state(t, b, "a"); i.Probation == good {
				t.Errorf("cancelled after %s, and one more good one: %+v", took, i)
			}
		})
	}
}

func TestAProbeThatNeverReturnsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := poolWithProbeDue(t)
		lost, _ := probe(t, b, safe)
		<-time.After(10 * time.Second)
		_, _ = probe(t, b, safe) // sees that it is lost
		<-time.After(3 * time.Second)
		again, ok := probe(t, b, safe)
		if !ok {
			t.Fatal("the lease leaks")
		}
		lost.Done(t.Context(), nil) // at last, and says little
		<-time.After(10 * time.Millisecond)
		again.Done(t.Context(), nil)
		if i := state(t, b, "a"); !i.Probation {
			t.Errorf("%+v", i)
		}
	})
}

func TestDisabledProbationReadmitsAtTheEndOfAnEjection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Probation: loadbalance.Probation{Disabled: true}}, many(3))
		fail(t, b, "0", 5)
		traffic(t, b, 5*time.Millisecond, 5300*time.Millisecond, takes(10*time.Millisecond))
		got, probes := traffic(t, b, 5*time.Millisecond, 30*time.Second, takes(10*time.Millisecond))
		if got["0"] < 1000 || len(probes) != 0 {
			t.Errorf("%v, probes %v", got, probes)
		}
	})
}

func TestBelowPanicPercentAllAreUsed(t *testing.T) {
	for _, a := range algorithms {
		b := pool(loadbalance.Policy{Algorithm: a, Ejection: loadbalance.Ejection{PanicPercent: 80, Period: time.Hour}}, many(4))
		fail(t, b, "0", 5)
		got := map[string]bool{}
		for range 300 {
			got[pick(t, b).Instance.ID] = true
		}
		if !got["0"] || ejected(b) != 1 {
			t.Errorf("%s: three of four are fewer than 80 %%, and it uses %v, %d out", a, got, ejected(b))
		}
	}
}

func TestTheShareOfANewInstanceGrows(t *testing.T) {
	for _, a := range algorithms {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Algorithm: a}, many(4))
			b.Update(many(5))
			var got []int
			for range 6 {
				n := 0
				for k := range 400 {
					picked, err := b.Pick(t.Context(), loadbalance.Request{HashKey: fmt.Sprint(k)})
					if err != nil {
						t.Fatal(err)
					}
					if picked.Instance.ID == "4" {
						n++
					}
					<-time.After(5 * time.Millisecond)
					picked.Done(t.Context(), nil)
				}
				got = append(got, n)
			}
			if got[0] > 40 || got[5] < 50 {
				t.Errorf("%s: every two seconds it got %v of 400", a, got)
			}
		})
	}
}

func TestWhenAllAreNewNoneStartsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Algorithm: loadbalance.Random}, many(1))
		b.Update(many(10))
		got := counts(t, b, 1000, takes(time.Millisecond))
		if got["0"] > 200 {
			t.Errorf("%v", got)
		}
	})
}

func TestARetryIsNoProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := poolWithProbeDue(t)
		for range 20 {
			if _, ok := probe(t, b, loadbalance.Request{Safe: true, Tried: []string{"b"}}); ok {
				t.Fatal("a call that has failed at another instance is a probe")
			}
		}
		if _, ok := probe(t, b, safe); !ok {
			t.Error("no probe")
		}
	})
}

// One service has calls of 0.3 ms and of 300 ms, and its callers wait for 10 ms. The
// instances are equal, whichever had more of the long calls recently.
func TestNoInstanceIsOutForItsMixOfCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Seed: 1}, many(5))
		chance := rand.New(rand.NewPCG(1, 2))
		takes := []time.Duration{300 * time.Microsecond, 400 * time.Microsecond, 500 * time.Microsecond, 700 * time.Microsecond, 9 * time.Millisecond, 20 * time.Millisecond, 300 * time.Millisecond}
		var calls sync.WaitGroup
		out := map[string]int{}
		for range 60 * 150 {
			takes := takes[chance.IntN(len(takes))]
			calls.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				defer cancel()
				picked, err := b.Pick(ctx, safe)
				if err != nil {
					t.Error(err)
					return
				}
				select {
				case <-time.After(takes):
				case <-ctx.Done():
				}
				picked.Done(ctx, ctx.Err())
			})
			<-time.After(time.Duration(chance.ExpFloat64() / 150 * float64(time.Second)))
			for _, i := range b.Snapshot().Instances {
				if i.Ejected || i.Probation {
					out[i.ID]++
				}
			}
		}
		calls.Wait()
		for id, n := range out {
			t.Errorf("%s is out for %.1f s of 60", id, float64(n)/150)
		}
	})
}
