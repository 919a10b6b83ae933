package loadbalance_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
)

func TestBeforeTheFirstUpdateEverythingAnswers(t *testing.T) {
	for _, a := range algorithms {
		b := loadbalance.New("orders", loadbalance.Policy{Algorithm: a})
		picked, err := b.Pick(context.Background(), anyRequest)
		if !errors.Is(err, fault.Unavailable) || !fault.IsUnprocessed(err) || !strings.Contains(err.Error(), "orders") {
			t.Errorf("%s: Pick: %v", a, err)
		}
		picked.Done(context.Background(), err)
		if s := b.Snapshot(); s.Service != "orders" || len(s.Instances) != 0 {
			t.Errorf("%s: Snapshot: %+v", a, s)
		}
		if err := b.Set(loadbalance.Policy{}); err != nil {
			t.Errorf("%s: Set: %v", a, err)
		}
		before := err.Error()
		b.Update(nil)
		if _, err := b.Pick(context.Background(), anyRequest); err == nil || err.Error() == before {
			t.Errorf("%s: an empty list reads like none at all: %v", a, err)
		}
	}
}

func TestUpdatePreservesLatenciesAndEjections(t *testing.T) {
	b := pool(loadbalance.Policy{Ejection: loadbalance.Ejection{Period: time.Hour}}, instances("", "", "", ""))
	fail(t, b, "a", 5)
	fail(t, b, "b", 4)
	running := only(t, b, "c")
	now := instances("", "", "7", "")
	now[2].Version = "2.0.0"
	b.Update(append(now[:3:3], registry.Instance{ID: "e", Endpoint: "http://e:1"}))
	if !state(t, b, "a").Ejected {
		t.Error("the ejection is forgotten")
	}
	if c := state(t, b, "c"); c.InFlight != 1 {
		t.Errorf("the busy one is %+v", c)
	}
	running.Done(context.Background(), nil)
	if c := state(t, b, "c"); c.InFlight != 0 {
		t.Errorf("a call from before the update is still counted: %+v", c)
	}
	fail(t, b, "b", 1)
	if !state(t, b, "b").Ejected {
		t.Error("the failures in a row are forgotten")
	}
}

func TestCallsToAnInstanceThatLeftMayEndLater(t *testing.T) {
	b := pool(loadbalance.Policy{}, instances("", ""))
	var running []loadbalance.Picked
	for range 10 {
		running = append(running, only(t, b, "b"))
	}
	b.Update(instances(""))
	for _, picked := range running {
		picked.Done(context.Background(), errDown)
	}
	if got := pick(t, b).Instance.ID; got != "a" || ejected(b) != 0 {
		t.Errorf("picked %s, %d ejected", got, ejected(b))
	}
	b.Update(nil)
	if _, err := b.Pick(context.Background(), anyRequest); !errors.Is(err, fault.Unavailable) {
		t.Errorf("all have left: %v", err)
	}
}

func TestAllInstancesReplacedFailsNoCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, many(10))
		alive := map[string]bool{}
		for step := range 10 { // one is replaced every 500 ms
			all := many(20)[step+1 : step+11]
			clear(alive)
			for _, i := range all {
				alive[i.ID] = true
			}
			b.Update(all)
			for range 50 {
				picked := pick(t, b)
				if !alive[picked.Instance.ID] {
					t.Fatalf("step %d went to %s, which is gone", step, picked.Instance.ID)
				}
				<-time.After(10 * time.Millisecond)
				picked.Done(context.Background(), nil)
			}
		}
	})
}

func TestSetChangesTheAlgorithmOfLaterPicks(t *testing.T) {
	b := pool(loadbalance.Policy{}, instances("", ""))
	if err := b.Set(loadbalance.Policy{Algorithm: loadbalance.RoundRobin}); err != nil {
		t.Fatal(err)
	}
	if got := counts(t, b, 100, succeeds); got["a"] != 50 || got["b"] != 50 {
		t.Errorf("round robin gives %v", got)
	}
}

func TestPickAndUpdateAtOnce(t *testing.T) {
	for _, a := range algorithms {
		b := pool(loadbalance.Policy{Algorithm: a, Ejection: loadbalance.Ejection{Failures: 2, Period: time.Microsecond}}, many(4))
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 2000 {
					picked, err := b.Pick(context.Background(), loadbalance.Request{Tried: []string{"0"}})
					if err != nil {
						t.Errorf("%s: %v", a, err)
						return
					}
					end := errDown
					if rand.IntN(3) > 0 {
						picked.Done(context.Background(), nil)
						continue
					}
					picked.Done(context.Background(), end)
				}
			})
		}
		all.Go(func() {
			for n := range 2000 {
				b.Update(many(1 + n%8))
				b.Snapshot()
				if err := b.Set(loadbalance.Policy{Algorithm: algorithms[n%len(algorithms)]}); err != nil {
					t.Error(err)
				}
			}
		})
		all.Wait()
		for _, i := range b.Snapshot().Instances {
			if i.InFlight != 0 {
				t.Errorf("%s: all calls have ended, and %+v", a, i)
			}
		}
	}
}
