package loadbalance_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/loadbalance"
)

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
