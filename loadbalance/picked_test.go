package loadbalance_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
)

func TestAnOverloadedInstanceIsNotEjectedAndAttractsNoCalls(t *testing.T) {
	for _, a := range algorithms {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Algorithm: a}, many(4))
			counts(t, b, 400, takes(10*time.Millisecond))
			for range 50 {
				only(t, b, "0").Done(t.Context(), errNoRoom)
			}
			if i := state(t, b, "0"); i.Ejected || i.Probation || a == loadbalance.PeakEWMA && i.Latency < 0.009 {
				t.Errorf("%s: %+v", a, i)
			}
		})
	}
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

func TestCancelledCallsFreeTheirSlotAndDoNotCount(t *testing.T) {
	cause, cancelCause := context.WithCancelCause(context.Background())
	cancelCause(errors.New("a newer query came"))
	plain, cancel := context.WithCancel(context.Background())
	cancel()
	for name, end := range map[string]struct {
		ctx context.Context
		err error
	}{
		"plain":          {plain, context.Canceled},
		"custom cause":   {cause, context.Cause(cause)},
		"in other words": {plain, errors.New("transport: operation was canceled")},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{}, instances("", ""))
			picked := only(t, b, "a")
			<-time.After(time.Millisecond)
			picked.Done(context.Background(), nil)
			before := state(t, b, "a")
			for range 20 {
				only(t, b, "a").Done(end.ctx, end.err)
			}
			if after := state(t, b, "a"); after != before {
				t.Errorf("%s: it was %+v and is %+v", name, before, after)
			}
		})
	}
}

func TestExpiredCallsCountIfTheyTookLongForTheirInstance(t *testing.T) {
	expired := func(t *testing.T, b *loadbalance.Pool, after time.Duration) {
		picked := only(t, b, "a")
		ctx, cancel := context.WithTimeout(context.Background(), after)
		defer cancel()
		<-ctx.Done()
		picked.Done(ctx, ctx.Err())
	}
	for name, c := range map[string]struct {
		known    string // whose usual time is known to be 10 ms
		deadline time.Duration
		ejected  bool
	}{
		"hangs, its own record":  {"a", time.Second, true},
		"hangs, the pool's":      {"b", time.Second, true},
		"the caller is in hurry": {"a", 12 * time.Millisecond, false},
		"nothing is known":       {"", time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := pool(loadbalance.Policy{}, instances("", ""))
				if c.known != "" {
					picked := only(t, b, c.known)
					<-time.After(10 * time.Millisecond)
					picked.Done(context.Background(), nil)
				}
				for range 5 {
					expired(t, b, c.deadline)
				}
				if got := state(t, b, "a").Ejected; got != c.ejected {
					t.Errorf("ejected: %t", got)
				}
			})
		})
	}
}

// shares makes calls for a while, one every gap, without waiting for earlier ones,
// and counts them by instance.
func shares(t *testing.T, b loadbalance.Balancer, gap, while time.Duration, call func(id string) (time.Duration, error)) map[string]int {
	got := map[string]int{}
	var running sync.WaitGroup
	for range int(while / gap) {
		picked := pick(t, b)
		got[picked.Instance.ID]++
		running.Go(func() {
			took, err := call(picked.Instance.ID)
			<-time.After(took)
			picked.Done(context.Background(), err)
		})
		<-time.After(gap)
	}
	running.Wait()
	return got
}

func TestAFastRefusingInstanceGetsNoMoreThanItsShare(t *testing.T) {
	for _, a := range []loadbalance.Algorithm{loadbalance.PeakEWMA, loadbalance.LeastRequest} {
		for _, code := range []fault.Code{fault.NotFound, fault.Unauthenticated, fault.ResourceExhausted, fault.Unimplemented} {
			for _, n := range []int{2, 3, 10} {
				synctest.Test(t, func(t *testing.T) {
					b := pool(loadbalance.Policy{Algorithm: a}, many(n))
					service := func(string) (time.Duration, error) { return 20 * time.Millisecond, nil }
					const perSecond = 100 // for each instance: two in flight
					gap := time.Second / time.Duration(perSecond*n)
					shares(t, b, gap, 5*time.Second, service)
					got := shares(t, b, gap, 30*time.Second, func(id string) (time.Duration, error) {
						if id == "0" {
							return 500 * time.Microsecond, code.Errorf("no")
						}
						return service(id)
					})
					if fair := 30 * perSecond; got["0"] > fair*11/10 || got["0"] < fair/3 {
						t.Errorf("%s, %d instances: the one that says %v at once got %d of %d calls, its share is %d", a, n, code, got["0"], 30*perSecond*n, fair)
					}
				})
			}
		}
	}
}

func TestCallersMistakesNeverEject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, many(2))
		shares(t, b, 10*time.Millisecond, time.Second, func(string) (time.Duration, error) { return 20 * time.Millisecond, nil })
		before := state(t, b, "0").Latency
		for range 20 {
			only(t, b, "0").Done(context.Background(), fault.NotFound.Errorf("no such order"))
		}
		if after := state(t, b, "0"); after.Ejected || after.InFlight != 0 || after.Latency < before*0.99 || after.Latency > before*1.01 {
			t.Errorf("latency was %v, now %+v", before, after)
		}
	})
}
