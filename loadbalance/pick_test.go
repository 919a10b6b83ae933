package loadbalance_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
)

var algorithms = []loadbalance.Algorithm{
	loadbalance.PeakEWMA, loadbalance.LeastRequest, loadbalance.RoundRobin, loadbalance.Random, loadbalance.ConsistentHash,
}

func TestOneCallAtATimeIsSharedByWeight(t *testing.T) {
	for _, a := range algorithms[1:] {
		got := counts(t, pool(loadbalance.Policy{Algorithm: a}, instances("1", "3")), 4000, succeeds)
		if got["a"] < 850 || got["a"] > 1150 {
			t.Errorf("%s: weights 1 and 3 got %v", a, got)
		}
	}
}

func TestTriedInstancesAreAvoidedWhileThereIsAnother(t *testing.T) {
	for _, a := range algorithms {
		b := pool(loadbalance.Policy{Algorithm: a}, instances("1000", "1", "0.001"))
		for range 200 {
			if got := pick(t, b, "a", "b").Instance.ID; got != "c" {
				t.Fatalf("%s: after a and b it picked %s", a, got)
			}
			if got := pick(t, b, "a").Instance.ID; got == "a" {
				t.Fatalf("%s: after a it picked a", a)
			}
		}
		got := map[string]bool{}
		b = pool(loadbalance.Policy{Algorithm: a}, instances("", "", ""))
		for range 300 {
			got[pick(t, b, "a", "b", "c", "gone").Instance.ID] = true
		}
		if len(got) != 3 {
			t.Errorf("%s: when all were tried, it uses %v", a, got)
		}
	}
}

func TestWhenAllWereTriedAnEjectedOneIsStillAvoided(t *testing.T) {
	for _, a := range algorithms {
		b := pool(loadbalance.Policy{Algorithm: a, Ejection: loadbalance.Ejection{Period: time.Hour}}, instances("", ""))
		fail(t, b, "a", 5)
		for range 100 {
			if got := pick(t, b, "a", "b").Instance.ID; got != "b" {
				t.Fatalf("%s: it picked %s", a, got)
			}
		}
	}
}

func TestEveryPickIsAnInstanceOfTheLastUpdate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := loadbalance.New("orders", loadbalance.Policy{Algorithm: rapid.SampledFrom(algorithms).Draw(t, "algorithm")})
		known := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 4)
		for range rapid.IntRange(1, 5).Draw(t, "updates") {
			now := map[string]bool{}
			var all []registry.Instance
			for _, id := range known.Draw(t, "instances") { // an id may be there twice
				w := rapid.SampledFrom([]string{"", "1", "7.5", "0", "-1", "NaN", "1e400", "x"}).Draw(t, "weight")
				all = append(all, registry.Instance{ID: id, Metadata: map[string]string{"weight": w}})
				now[id] = true
			}
			b.Update(all)
			for range 20 {
				picked, err := b.Pick(context.Background(), loadbalance.Request{Tried: known.Draw(t, "tried")})
				if (err == nil) != (len(now) > 0) {
					t.Fatalf("%d instances: %v", len(now), err)
				}
				if err != nil {
					continue
				}
				if !now[picked.Instance.ID] {
					t.Fatalf("picked %s of %v", picked.Instance.ID, now)
				}
				picked.Done(context.Background(), rapid.SampledFrom([]error{nil, errDown}).Draw(t, "end"))
			}
		}
	})
}

func TestMiddlewareSetsTheAddressAndTheTriedInstances(t *testing.T) {
	b := pool(loadbalance.Policy{}, instances(""))
	ep := b.Middleware()(func(ctx context.Context, _ any) (any, error) {
		c := call.Of(ctx)
		if n := state(t, b, "a").InFlight; n != 1 {
			t.Errorf("%d in flight during the call", n)
		}
		return c.Addr + " " + strings.Join(c.Tried, ","), nil
	})
	if got, err := ep(context.Background(), nil); err != nil || got != "http://a:80 a" {
		t.Errorf("%v, %v", got, err)
	}
	b.Update(nil)
	if _, err := ep(context.Background(), nil); !fault.IsUnprocessed(err) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestAHandlersCallsDoNotChangeItsInboundRecord(t *testing.T) {
	b := pool(loadbalance.Policy{}, instances(""))
	ctx := call.With(context.Background(), call.Record{RequestID: "r-1", Inbound: true})
	ep := b.Middleware()(func(ctx context.Context, _ any) (any, error) { return call.Of(ctx).RequestID, nil })
	if got, err := ep(ctx, nil); got != "r-1" || err != nil || call.Of(ctx).Addr != "" || call.Of(ctx).Tried != nil {
		t.Errorf("%v %v, and the record is %+v", got, err, *call.Of(ctx))
	}
}

func TestAPanicInTheEndpointFreesItsSlotAndCountsAsFailure(t *testing.T) {
	b := pool(loadbalance.Policy{Algorithm: loadbalance.RoundRobin}, instances("", ""))
	ep := b.Middleware()(func(ctx context.Context, _ any) (any, error) {
		if call.Of(ctx).Addr == "http://a:80" {
			panic("boom")
		}
		return nil, nil
	})
	panics := 0
	for range 40 {
		func() {
			defer func() {
				if p := recover(); p == "boom" {
					panics++
				} else if p != nil {
					t.Errorf("the panic became %v", p)
				}
			}()
			_, _ = ep(context.Background(), nil)
		}()
	}
	if panics != 5 {
		t.Errorf("%d panics went through", panics)
	}
	for _, i := range b.Snapshot().Instances {
		if i.InFlight != 0 {
			t.Errorf("%+v", i)
		}
	}
	if ejected(b) != 1 {
		t.Errorf("%d ejected", ejected(b))
	}
}

func TestPickAndDoneAllocateNothing(t *testing.T) {
	ctx := context.Background()
	for _, a := range algorithms {
		b := pool(loadbalance.Policy{Algorithm: a}, instances("1", "2", "", ""))
		fail(t, b, "a", 5)
		for name, end := range map[string]error{"success": nil, "failure": errDown} {
			for _, r := range []loadbalance.Request{{}, {HashKey: "user-1", Safe: true}, {Tried: []string{"b"}}} {
				if got := testing.AllocsPerRun(1000, func() {
					picked, _ := b.Pick(ctx, r)
					picked.Done(ctx, end)
				}); got != 0 {
					t.Errorf("%s, %s: %v allocations", a, name, got)
				}
			}
		}
	}
}

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
