package loadbalance_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/loadbalance"
)

// away are pools whose first instances are gone.
var away = []struct{ all, dead int }{{3, 2}, {4, 3}, {10, 8}, {10, 9}}

// deadOf says that an instance of many is one of the dead first ones.
func deadOf(id string, dead int) bool { return slices.Contains(ids(dead), id) }

func ids(n int) (all []string) {
	for id := range n {
		all = append(all, fmt.Sprint(id))
	}
	return all
}

// answers makes n calls one after the other. Connections to the dead are refused; it
// returns how many that were, without the probes.
func answers(t *testing.T, b *loadbalance.Pool, n, dead int) (refused, probes int) {
	t.Helper()
	for range n {
		picked := pick(t, b)
		<-time.After(time.Millisecond)
		switch {
		case !deadOf(picked.Instance.ID, dead):
			picked.Done(t.Context(), nil)
			continue
		case picked.HedgeAfter > 0:
			probes++
		default:
			refused++
		}
		picked.Done(t.Context(), errUnreachable)
	}
	return refused, probes
}

func TestWhereMostRefuseConnectionsTheOthersGetTheCalls(t *testing.T) {
	for _, a := range algorithms {
		for _, tt := range away {
			synctest.Test(t, func(t *testing.T) {
				b := pool(loadbalance.Policy{Seed: 1, Algorithm: a}, many(tt.all))
				answers(t, b, 2000, 0)
				first, _ := answers(t, b, 20*tt.all, tt.dead)
				later, probes := answers(t, b, 20_000, tt.dead)
				if first > 2*tt.dead || later > 0 {
					t.Errorf("%s: %d of %d refuse: %d calls went there at first, and %d later", a, tt.dead, tt.all, first, later)
				}
				if got := ejected(b); got < tt.dead-1 || got > tt.dead { // one may be on probation just now
					t.Errorf("%s: %d of %d refuse, and %d are out", a, tt.dead, tt.all, got)
				}
				if most := 8 * tt.dead; probes > most {
					t.Errorf("%s: %d probes of %d in 20 s", a, probes, tt.dead)
				}
				for id := tt.dead; id < tt.all; id++ {
					if i := state(t, b, fmt.Sprint(id)); i.Ejected || i.Probation {
						t.Errorf("%s: one that works: %+v", a, i)
					}
				}
			})
		}
	}
}

// hung makes one safe call each gap for d. The dead never answer, and the callers'
// deadlines end their calls.
func hung(t *testing.T, b *loadbalance.Pool, gap, d time.Duration, dead int) (got, probes int) {
	t.Helper()
	var calls sync.WaitGroup
	for range d / gap {
		picked, err := b.Pick(t.Context(), safe)
		if err != nil {
			t.Fatal(err)
		}
		calls.Go(func() {
			if !deadOf(picked.Instance.ID, dead) {
				<-time.After(5 * time.Millisecond)
				picked.Done(t.Context(), nil)
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			<-ctx.Done()
			picked.Done(ctx, ctx.Err())
		})
		if deadOf(picked.Instance.ID, dead) {
			if got++; picked.HedgeAfter > 0 {
				probes++
			}
		}
		<-time.After(gap)
	}
	calls.Wait()
	return got - probes, probes
}

func TestWhereMostAreSilentTheOthersGetTheCalls(t *testing.T) {
	for _, tt := range away {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Seed: 1}, many(tt.all))
			hung(t, b, 5*time.Millisecond, 10*time.Second, 0)
			first, _ := hung(t, b, 5*time.Millisecond, 2*time.Second, tt.dead)
			later, probes := hung(t, b, 5*time.Millisecond, time.Minute, tt.dead)
			if first > 15*tt.dead || later > 5 {
				t.Errorf("%d of %d are silent: %d calls went there in 2 s, and %d later", tt.dead, tt.all, first, later)
			}
			if most := 12 * tt.dead; probes > most {
				t.Errorf("%d probes of %d in a minute", probes, tt.dead)
			}
			for id := tt.dead; id < tt.all; id++ {
				if i := state(t, b, fmt.Sprint(id)); i.Ejected || i.Probation {
					t.Errorf("one that works: %+v", i)
				}
			}
		})
	}
}

func TestAGoneInstanceIsProbedAfterHalfTheTime(t *testing.T) {
	for _, gone := range []time.Duration{500 * time.Millisecond, 4 * time.Second, 20 * time.Second, 3 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Seed: 1}, many(4))
			answers(t, b, 1000, 0)
			answers(t, b, int(gone/time.Millisecond), 3)
			back := time.Now()
			for slices.ContainsFunc(b.Snapshot().Instances, func(i loadbalance.Instance) bool { return i.Ejected || i.Probation }) {
				if answers(t, b, 10, 0); time.Since(back) > 2*time.Minute {
					t.Fatalf("away for %s, and not found again", gone)
				}
			}
			if took, most := time.Since(back), min(max(gone/2, time.Second), 50*time.Second)+time.Second/2; took > most {
				t.Errorf("away for %s, and found again %s after, should be %s", gone, took, most)
			}
		})
	}
}

func TestAnUnsafeCallMayProbeAnInstanceThatRefusesConnections(t *testing.T) {
	for name, err := range map[string]error{"refuses": errUnreachable, "fails": errDown} {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Seed: 1}, many(3))
			answers(t, b, 300, 0)
			for range 5 {
				only(t, b, "0").Done(t.Context(), err)
			}
			if !state(t, b, "0").Ejected {
				t.Fatal("it is not out")
			}
			<-time.After(6 * time.Second)
			if picked, ok := probe(t, b, anyRequest); ok != (name == "refuses") || ok && picked.Instance.ID != "0" {
				t.Errorf("one that %s: an unsafe call is its probe: %v", name, ok)
			}
		})
	}
}

func TestGoneInstancesDoNotCountForPanicPercent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Seed: 1, Ejection: loadbalance.Ejection{PanicPercent: 60}}, many(10))
		answers(t, b, 1000, 0)
		answers(t, b, 200, 7)
		if refused, _ := answers(t, b, 500, 7); refused > 0 {
			t.Fatalf("three of ten are left, and %d calls went to those that are gone", refused)
		}
		fail(t, b, "7", 5)
		if refused, _ := answers(t, b, 500, 7); refused > 0 || !state(t, b, "7").Ejected {
			t.Errorf("two of three that are there are fit: %d calls went to those that are gone", refused)
		}
		fail(t, b, "8", 5)
		if got := ejected(b); got < 7 || got > 8 || state(t, b, "8").Ejected {
			t.Errorf("of the three that are there more than one is out: %+v", b.Snapshot().Instances)
		}
	})
}

func TestTheLastReachableInstanceIsNeverOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Seed: 1}, many(5))
		answers(t, b, 1000, 0)
		answers(t, b, 200, 4)
		for _, err := range []error{errDown, errUnreachable} {
			for range 20 {
				only(t, b, "4").Done(t.Context(), err)
				if state(t, b, "4").Ejected {
					t.Fatal("the last one is out")
				}
			}
		}
	})
}

func TestInstancesThatAnswerWithFailuresAreNoLongerGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Seed: 1}, many(10))
		answers(t, b, 1000, 0)
		answers(t, b, 500, 8)
		for range 20_000 { // they are there, and answer badly
			picked := pick(t, b)
			<-time.After(time.Millisecond)
			var err error
			if deadOf(picked.Instance.ID, 8) {
				err = errDown
			}
			picked.Done(t.Context(), err)
		}
		if got := ejected(b); got > 5 {
			t.Errorf("%d of ten are out, and all answer", got)
		}
	})
}

// A call that is cancelled, as the loser of a hedge is, or that a timeout of the client
// ends, is no answer of its instance.
func TestACallThatTheClientEndsIsNoAnswer(t *testing.T) {
	for name, own := range map[string]bool{"the caller's deadline": false, "a limit of the client's own": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := pool(loadbalance.Policy{Seed: 1, Ejection: loadbalance.Ejection{MaxPercent: 1, Period: time.Hour}}, many(4))
				traffic(t, b, 5*time.Millisecond, 5*time.Second, takes(5*time.Millisecond))
				fail(t, b, "1", 5) // no more may be out unless they are gone
				for range 10 {
					ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
					if own {
						var c *callctx.Call
						ctx, c = callctx.With(ctx, call.Record{})
						c.SetCaller(t.Context())
					}
					silent := only(t, b, "0")
					<-time.After(100 * time.Millisecond)
					loser := only(t, b, "0")
					lost, lose := context.WithCancel(t.Context())
					<-time.After(50 * time.Millisecond)
					for _, id := range []string{"2", "3"} {
						only(t, b, id).Done(t.Context(), nil)
					}
					lose()
					loser.Done(lost, lost.Err())
					<-ctx.Done()
					silent.Done(ctx, ctx.Err())
					cancel()
				}
				if !state(t, b, "0").Ejected || !state(t, b, "1").Ejected {
					t.Errorf("it answers nothing while others do, and is not out: %+v", b.Snapshot().Instances)
				}
			})
		})
	}
}

// The duration of calls to silent instances is no measure of latency: these instances are
// gone, not slow as all others are.
func TestASilentInstanceDoesNotCountAsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Seed: 1, Algorithm: loadbalance.Random, Probation: loadbalance.Probation{Disabled: true}}, many(5))
		silent := false
		call := func() {
			picked := pick(t, b)
			if !deadOf(picked.Instance.ID, 3) {
				<-time.After(5 * time.Millisecond)
				picked.Done(t.Context(), nil)
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
			defer cancel()
			if !silent { // but slow, as most are
				<-time.After(100 * time.Millisecond)
				picked.Done(ctx, nil)
				return
			}
			<-ctx.Done()
			picked.Done(ctx, ctx.Err())
		}
		most := 0 // as they are used again now and then
		for _, silent = range []bool{false, true} {
			var calls sync.WaitGroup
			for range 1000 {
				calls.Go(call)
				<-time.After(5 * time.Millisecond)
				most = max(most, ejected(b))
			}
			calls.Wait()
		}
		if most != 3 {
			t.Errorf("three of five are silent, and %d at most are out: %+v", most, b.Snapshot().Instances)
		}
	})
}

// Where too few of the instances that are not gone are healthy, all of these are used, but
// none that is gone.
func TestGoneInstancesAreNotUsedBelowPanicPercent(t *testing.T) {
	for _, a := range algorithms {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Seed: 1, Algorithm: a, Ejection: loadbalance.Ejection{PanicPercent: 80, Period: time.Hour}}, many(10))
			answers(t, b, 1000, 0)
			answers(t, b, 300, 7)
			fail(t, b, "7", 5) // two of three are fit: all three are used
			if !state(t, b, "7").Ejected {
				t.Fatalf("%s: it fails and is not out: %+v", a, b.Snapshot().Instances)
			}
			gone, seven := 0, 0
			for range 500 {
				picked, err := b.Pick(t.Context(), loadbalance.Request{HashKey: fmt.Sprint(gone, seven)})
				if err != nil {
					t.Fatal(err)
				}
				if deadOf(picked.Instance.ID, 7) {
					gone++
				} else if picked.Instance.ID == "7" {
					seven++
				}
				<-time.After(time.Millisecond)
				picked.Done(t.Context(), nil)
			}
			if gone > 0 || seven == 0 && a != loadbalance.PeakEWMA { // under which its cost is too high
				t.Errorf("%s: of 500 calls %d go to those that are gone, and %d to the one that fails", a, gone, seven)
			}
		})
	}
}

// At every instance most callers wait for less than a call takes. An instance that was gone
// must not stay out because its probes run out of time as well.
func TestAnInstanceComesBackWhereMostCallersRunOutOfTimeEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Seed: 1}, many(11))
		var away atomic.Bool
		var back atomic.Int64
		call := func(quick bool) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			picked, err := b.Pick(ctx, loadbalance.Request{Safe: true})
			if err != nil {
				t.Error(err)
				return
			}
			mine := picked.Instance.ID == "0"
			switch {
			case mine && away.Load():
				picked.Done(ctx, errUnreachable)
				return
			case mine:
				back.Add(1)
			}
			if quick {
				<-time.After(5 * time.Millisecond)
			} else {
				<-ctx.Done()
			}
			picked.Done(ctx, ctx.Err())
		}
		spend := func(seconds int) {
			var calls sync.WaitGroup
			for k := range 30 * seconds {
				calls.Go(func() { call(k%5 == 0) })
				<-time.After(time.Second / 30)
			}
			calls.Wait()
		}
		spend(10)
		away.Store(true)
		if spend(2); !state(t, b, "0").Ejected {
			t.Fatal("it refuses connections, and is in use")
		}
		away.Store(false)
		spend(10)
		back.Store(0)
		if spend(10); back.Load() < 300/11/2 {
			t.Errorf("%d of 300 calls go to it: %+v", back.Load(), state(t, b, "0"))
		}
	})
}
