package loadbalance_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
)

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
