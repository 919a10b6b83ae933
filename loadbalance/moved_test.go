package loadbalance_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
)

// moved returns the instances with one of them at another address.
func moved(all []registry.Instance, id, endpoint string) []registry.Instance {
	all = slices.Clone(all)
	for i := range all {
		if all[i].ID == id {
			all[i].Endpoint = endpoint
		}
	}
	return all
}

func TestAnotherAddressUnderAnIDIsAnotherInstance(t *testing.T) {
	for _, a := range algorithms {
		all := instances("", "", "")
		for name, spoil := range map[string]func(*testing.T, *loadbalance.Pool){
			"ejected": func(t *testing.T, b *loadbalance.Pool) { fail(t, b, "a", 5) },
			"on probation": func(t *testing.T, b *loadbalance.Pool) {
				fail(t, b, "a", 5)
				<-time.After(6 * time.Second)
			},
			"ejected often": func(t *testing.T, b *loadbalance.Pool) {
				for range 5 {
					fail(t, b, "a", 5)
					<-time.After(time.Minute)
				}
				fail(t, b, "a", 1)
			},
			"a probe is under way": func(t *testing.T, b *loadbalance.Pool) {
				fail(t, b, "a", 5)
				<-time.After(6 * time.Second)
				for {
					picked, err := b.Pick(context.Background(), loadbalance.Request{Safe: true})
					if err != nil {
						t.Fatal(err)
					}
					if picked.HedgeAfter > 0 {
						break
					}
				}
			},
			"slow": func(t *testing.T, b *loadbalance.Pool) {
				for range 50 {
					for _, id := range []string{"a", "b", "c"} {
						picked := only(t, b, id)
						if id == "a" {
							<-time.After(time.Second)
						}
						<-time.After(time.Millisecond)
						picked.Done(context.Background(), nil)
					}
				}
			},
		} {
			t.Run(string(a)+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := loadbalance.Policy{Algorithm: a, SlowStart: loadbalance.SlowStart{Disabled: true}}
					b := pool(p, all)
					spoil(t, b)
					b.Update(moved(all, "a", "http://moved:80"))
					is := state(t, b, "a")
					if is.Ejected || is.Probation || is.InFlight != 0 || is.Latency > 0.5 || is.Endpoint != "http://moved:80" {
						t.Errorf("%+v", is)
					}
					got := map[string]int{}
					for range 300 {
						picked, err := b.Pick(context.Background(), loadbalance.Request{Safe: true})
						if err != nil || picked.HedgeAfter > 0 {
							t.Fatalf("%+v: %v", picked, err)
						}
						got[picked.Instance.Endpoint]++
						picked.Done(context.Background(), nil)
					}
					if n := got["http://moved:80"]; n < 25 || got["http://a:80"] > 0 {
						t.Errorf("%v", got)
					}
					fail(t, b, "a", 4)
					if state(t, b, "a").Ejected {
						t.Error("the failures at the address before count")
					}
				})
			})
		}
	}
}

func TestAnInstanceThatMovedGrowsIntoItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := instances("", "", "", "")
		b := pool(loadbalance.Policy{Algorithm: loadbalance.Random}, all)
		<-time.After(time.Minute)
		b.Update(moved(all, "a", "http://moved:80"))
		if got := counts(t, b, 1000, succeeds); got["a"] > 100 {
			t.Errorf("one that has just come: %v", got)
		}
		<-time.After(10 * time.Second)
		if got := counts(t, b, 1000, succeeds); got["a"] < 150 {
			t.Errorf("after its slow start: %v", got)
		}
	})
}

func TestCallsInFlightToTheOldAddressDoNotCountForTheNewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := instances("", "", "")
		b := pool(loadbalance.Policy{}, all)
		var late []loadbalance.Picked
		for range 20 {
			late = append(late, only(t, b, "a"))
		}
		<-time.After(time.Second)
		b.Update(moved(all, "a", "http://moved:80"))
		for _, picked := range late {
			if picked.Instance.Endpoint != "http://a:80" {
				t.Fatalf("a call that was sent to a:80 is said to be at %s", picked.Instance.Endpoint)
			}
			picked.Done(context.Background(), errUnreachable)
		}
		if is := state(t, b, "a"); is.Ejected || is.InFlight != 0 {
			t.Errorf("%+v", is)
		}
	})
}

func TestKeysStayWithAnInstanceThatMoved(t *testing.T) {
	all := many(20)
	p := loadbalance.Policy{Algorithm: loadbalance.ConsistentHash, SlowStart: loadbalance.SlowStart{Disabled: true}}
	b := pool(p, all)
	owner := func(key string) string {
		picked, err := b.Pick(context.Background(), loadbalance.Request{HashKey: key})
		if err != nil {
			t.Fatal(err)
		}
		picked.Done(context.Background(), nil)
		return picked.Instance.ID
	}
	before := map[string]string{}
	for i := range 200 {
		key := string(rune('A' + i))
		before[key] = owner(key)
	}
	b.Update(moved(all, "7", "http://moved:80"))
	for key, id := range before {
		if now := owner(key); now != id {
			t.Errorf("key %s went from %s to %s", key, id, now)
		}
	}
}
