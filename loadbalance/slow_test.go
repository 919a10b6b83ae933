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

// At less than a thousand calls a second every call is timed.
func TestASlowInstanceIsFoundOutAtFewCallsUnderEveryAlgorithm(t *testing.T) {
	for _, a := range algorithms {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Algorithm: a, Seed: 1}, many(3))
			call := func(key int, slow time.Duration) {
				picked, err := b.Pick(t.Context(), loadbalance.Request{HashKey: fmt.Sprint(key)})
				if err != nil {
					t.Fatal(err)
				}
				took := 5 * time.Millisecond
				if picked.Instance.ID == "0" {
					took = slow
				}
				go func() {
					<-time.After(took)
					picked.Done(context.Background(), nil)
				}()
				<-time.After(5 * time.Millisecond)
			}
			for key := range 2000 {
				call(key, 5*time.Millisecond)
			}
			if state(t, b, "0").Probation {
				t.Errorf("%s: it is on probation while it is as quick as the others", a)
			}
			for key := range 600 {
				call(key, 100*time.Millisecond)
			}
			if !state(t, b, "0").Probation {
				t.Errorf("%s: it is twenty times slower for three seconds, and not on probation", a)
			}
			<-time.After(time.Second)
		})
	}
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
