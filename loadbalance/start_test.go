package loadbalance_test

import (
	"fmt"
	"maps"
	"math"
	"testing"

	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
)

// Many processes start at the same time, as after a deploy, and each makes few calls:
// together they must not overload one instance.
func TestManyNewClientsTogetherCallEachInstanceByItsWeight(t *testing.T) {
	weights := map[string][]string{"alike": {"", "", "", "", ""}, "by weight": {"4", "1", "1", "2", "2"}}
	begins := map[string]func(a loadbalance.Algorithm, all []registry.Instance) *loadbalance.Pool{
		"new": func(a loadbalance.Algorithm, all []registry.Instance) *loadbalance.Pool {
			return pool(loadbalance.Policy{Algorithm: a}, all)
		},
		"told of nobody first": func(a loadbalance.Algorithm, all []registry.Instance) *loadbalance.Pool {
			b := pool(loadbalance.Policy{Algorithm: a}, nil)
			b.Update(all)
			return b
		},
		"with another algorithm before": func(a loadbalance.Algorithm, all []registry.Instance) *loadbalance.Pool {
			b := pool(loadbalance.Policy{Algorithm: loadbalance.Random}, all)
			if a == loadbalance.Random {
				_ = b.Set(loadbalance.Policy{Algorithm: loadbalance.RoundRobin})
			}
			_ = b.Set(loadbalance.Policy{Algorithm: a})
			return b
		},
		"one is out": func(a loadbalance.Algorithm, all []registry.Instance) *loadbalance.Pool {
			b := pool(loadbalance.Policy{Algorithm: a}, append(all, registry.Instance{ID: "out", Endpoint: "http://out:80"}))
			fail(t, b, "out", 5)
			return b
		},
		"in a zone": func(a loadbalance.Algorithm, all []registry.Instance) *loadbalance.Pool {
			far := registry.Instance{ID: "far", Endpoint: "http://far:80", Metadata: map[string]string{"zone": "far"}}
			for i := range all {
				all[i].Metadata = maps.Clone(all[i].Metadata)
				if all[i].Metadata == nil {
					all[i].Metadata = map[string]string{}
				}
				all[i].Metadata["zone"] = "near"
			}
			return pool(loadbalance.Policy{Algorithm: a, Zone: "near"}, append(all, far))
		},
	}
	for _, a := range algorithms {
		for begin, of := range begins {
			for shares, w := range weights {
				for calls := 1; calls <= 2; calls++ {
					t.Run(fmt.Sprintf("%s, %s, %s, call %d", a, begin, shares, calls), func(t *testing.T) {
						got, total, clients := map[string]int{}, 0.0, 400
						if a == loadbalance.ConsistentHash {
							clients = 40 // whose table takes long to make
						}
						for range clients {
							b := of(a, instances(w...))
							for range calls - 1 {
								pick(t, b)
							}
							got[pick(t, b).Instance.ID]++
						}
						for _, i := range instances(w...) {
							total += i.Weight()
						}
						for _, i := range instances(w...) {
							share := i.Weight() / total * float64(clients)
							if calls > 1 && a != loadbalance.Random && a != loadbalance.RoundRobin { // the others count calls in flight, too
								continue
							}
							if off := math.Abs(float64(got[i.ID]) - share); off > 6*math.Sqrt(share) {
								t.Errorf("%s has %d of %d calls, not %.0f: %v", i.ID, got[i.ID], clients, share, got)
							}
						}
						for id, n := range got {
							if n > 3*clients/4 {
								t.Errorf("%s has %d of %d calls", id, n, clients)
							}
						}
					})
				}
			}
		}
	}
}

func TestASeedRepeatsTheStartOfARound(t *testing.T) {
	begin := func(seed uint64) (ids string) {
		b := pool(loadbalance.Policy{Algorithm: loadbalance.RoundRobin, Seed: seed}, many(50))
		for range 3 {
			ids += pick(t, b).Instance.ID + " "
		}
		return ids
	}
	if begin(7) != begin(7) || begin(7) == begin(8) {
		t.Errorf("seeds 7, 7 and 8: %s, %s, %s", begin(7), begin(7), begin(8))
	}
}
