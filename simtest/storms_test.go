package simtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/simtest"
)

// The storms of docs/resilience.md: what sinew's defaults do where nothing is
// configured. Ten instances of four workers, 5 ms + exponential 5 ms a call, so
// that they do 4,000 calls a second; unbounded queues; servers that go on working
// when their caller has gone.

const (
	capacity = 4000.0
	patience = 500 * time.Millisecond
)

var work = simtest.Exponential(5*time.Millisecond, 5*time.Millisecond)

// outage is one run and what it must show. one is the bound for a single client
// process, twenty for as many.
type outage struct {
	name  string
	world simtest.World
	check func(t *testing.T, r *simtest.Result, processes int)
}

// stock is a world of ten instances of one service, under this load.
func stock(rate float64, length time.Duration, script ...simtest.Event) simtest.World {
	return simtest.World{
		For: length, Script: script,
		Services: []simtest.Service{{Name: "stock", Instances: 10, Workers: 4, Latency: work}},
		Clients:  []simtest.Client{{Name: "web", Calls: "stock", Rate: rate, Deadline: patience}},
	}
}

// limited puts a sinew server's limiter in front of the workers.
func limited(w simtest.World) simtest.World {
	w.Services[0].Server = func() []endpoint.Middleware {
		return []endpoint.Middleware{limit.Adaptive{}.Middleware()}
	}
	return w
}

func at(seconds float64, what simtest.Action) simtest.Event {
	return simtest.At(sec(seconds), what)
}

func sec(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// runs tries a storm with one client process and with twenty, with some seeds:
// two, or as many as SINEW_STORM_SEEDS says. With SINEW_STORM_CHARTS the first of
// each is drawn into that folder.
func runs(t *testing.T, s outage) {
	t.Helper()
	seeds := 2
	if text := os.Getenv("SINEW_STORM_SEEDS"); text != "" {
		var err error
		if seeds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	if raced {
		seeds = 1
	}
	for _, processes := range []int{1, 20} {
		for seed := range uint64(seeds) {
			t.Run(fmt.Sprintf("%d_processes/seed_%d", processes, seed+1), func(t *testing.T) {
				t.Parallel()
				w := s.world
				w.Seed = seed + 1
				w.Clients = append([]simtest.Client(nil), w.Clients...)
				for i := range w.Clients {
					w.Clients[i].Processes = processes
				}
				if dir := os.Getenv("SINEW_STORM_CHARTS"); dir != "" && seed == 0 && processes == 20 {
					w.Chart = filepath.Join(dir, strings.ReplaceAll(s.name, " ", "-")+".svg")
				}
				r := simtest.Run(t, w)
				s.check(t, r, processes)
				if t.Failed() {
					t.Logf("errors: %v", r.Errors())
				}
			})
		}
	}
}

// atMost fails the test where a figure is above its bound, and logs it anyway.
func atMost[N int | float64 | time.Duration](t *testing.T, what string, got, bound N) {
	t.Helper()
	t.Logf("%s: %v (at most %v)", what, got, bound)
	if got > bound {
		t.Errorf("%s: %v is more than %v", what, got, bound)
	}
}

func atLeast[N int | float64 | time.Duration](t *testing.T, what string, got, bound N) {
	t.Helper()
	t.Logf("%s: %v (at least %v)", what, got, bound)
	if got < bound {
		t.Errorf("%s: %v is less than %v", what, got, bound)
	}
}

// of is the bound for one process, or the looser one for twenty.
func of[N any](processes int, one, twenty N) N {
	if processes == 1 {
		return one
	}
	return twenty
}

func TestStormOneOfTenBecomesTwentyTimesSlower(t *testing.T) {
	runs(t, outage{
		"slow instance",
		stock(0.6*capacity, sec(50), at(10, simtest.Slow("stock", 20, 3)), at(40, simtest.Heal("stock"))),
		func(t *testing.T, r *simtest.Result, processes int) {
			calm, storm := r.P99(sec(2), sec(10)), r.P99(sec(15), sec(40))
			atMost(t, "p99, in calm ones", float64(storm)/float64(calm), 1.1)
			atMost(t, "share of the slow one", r.Share("stock", 3, sec(15), sec(40)), of(processes, 0.003, 0.01))
			atMost(t, "failed", r.Failed(sec(15), sec(40)), 0)
			atLeast(t, "share 5 s after its recovery", r.Share("stock", 3, sec(45), sec(47)), 0.05)
		},
	})
}

func TestStormOneOfTenIsAThirdSlowerThanItsShareAllows(t *testing.T) {
	runs(t, outage{
		"weak instance",
		stock(0.6*capacity, sec(60), at(0, simtest.Slow("stock", 1.6, 3))),
		func(t *testing.T, r *simtest.Result, processes int) {
			atMost(t, "p99", r.P99(sec(10), sec(60)), of(processes, 31*time.Millisecond, 33*time.Millisecond))
		},
	})
}

// threeTiers are three services, the last of which is down for a minute.
func threeTiers(down, up simtest.Action) simtest.World {
	tier := func(name string, calls ...string) simtest.Service {
		return simtest.Service{Name: name, Instances: 10, Workers: 4, Latency: work, Calls: calls}
	}
	return simtest.World{
		For:      sec(100),
		Services: []simtest.Service{tier("front", "middle"), tier("middle", "bottom"), tier("bottom")},
		Clients:  []simtest.Client{{Name: "web", Calls: "front", Rate: 200, Deadline: patience}},
		Script:   []simtest.Event{at(10, down), at(70, up)},
		Expiry:   sec(100), // the registry goes on listing them
	}
}

func TestStormBottomOfThreeTiersIsDown(t *testing.T) {
	for name, w := range map[string]simtest.World{
		"refused":     threeTiers(simtest.Kill("bottom"), simtest.Restart("bottom")),
		"black-holed": threeTiers(simtest.Hang("bottom"), simtest.Heal("bottom")),
	} {
		t.Run(name, func(t *testing.T) {
			runs(t, outage{"outage " + name, w, func(t *testing.T, r *simtest.Result, _ int) {
				const openPeriod = 5 * time.Second // the breaker's longest
				atMost(t, "attempts per user request", r.Attempts("bottom", sec(10), sec(70))/float64(r.Offered(sec(10), sec(70))), 0.1)
				atMost(t, "in the worst second", r.WorstSecond("bottom", sec(10), sec(70)), 1.12)
				atMost(t, "99 % good after the return", r.Recovery(sec(70), 0.99), openPeriod)
			}})
		})
	}
}

func TestStormTwiceTheLoadThatCanBeServed(t *testing.T) {
	world := func() simtest.World {
		return stock(0.5*capacity, sec(55), at(10, simtest.Load("web", 2*capacity)), at(40, simtest.Load("web", 0.5*capacity)))
	}
	check := func(goodput float64) func(t *testing.T, r *simtest.Result, processes int) {
		return func(t *testing.T, r *simtest.Result, _ int) {
			atLeast(t, "goodput, of the capacity", r.Goodput(sec(15), sec(40))/capacity, goodput)
			atMost(t, "p99 of what is served", r.ServedP99(sec(15), sec(40)), 250*time.Millisecond)
			atMost(t, "99 % good after it", r.Recovery(sec(40), 0.99), 2*time.Second)
			atMost(t, "failed before", r.Failed(0, sec(10)), 0)
		}
	}
	t.Run("client_alone", func(t *testing.T) { runs(t, outage{"overload", world(), check(0.92)}) })
	t.Run("server_too", func(t *testing.T) { runs(t, outage{"overload with a limiter", limited(world()), check(0.95)}) })
}

func TestStormTenSecondsOfFivefoldLatency(t *testing.T) {
	world := func() simtest.World {
		return stock(0.8*capacity, sec(40), at(10, simtest.Slow("stock", 5)), at(20, simtest.Heal("stock")))
	}
	check := func(t *testing.T, r *simtest.Result, processes int) {
		atMost(t, "99 % good after it", r.Recovery(sec(20), 0.99), of(processes, 2*time.Second, 4*time.Second))
		atMost(t, "failed before", r.Failed(0, sec(10)), 0)
	}
	t.Run("client_alone", func(t *testing.T) { runs(t, outage{"brownout", world(), check}) })
	t.Run("server_too", func(t *testing.T) { runs(t, outage{"brownout with a limiter", limited(world()), check}) })
}

func TestStormOneOfTenAnswersErrorsAtOnce(t *testing.T) {
	for _, code := range []fault.Code{fault.Internal, fault.Unavailable, fault.ResourceExhausted, fault.Unauthenticated, fault.NotFound} {
		t.Run(strconv.Itoa(code.HTTPStatus()), func(t *testing.T) {
			runs(t, outage{
				fmt.Sprintf("black hole %d", code.HTTPStatus()),
				stock(0.6*capacity, sec(40), at(10, simtest.Answer("stock", code.Errorf("no"), 500*time.Microsecond, 7))),
				func(t *testing.T, r *simtest.Result, _ int) {
					share := r.Share("stock", 7, sec(12), sec(40))
					if code == fault.Internal || code == fault.Unavailable {
						atMost(t, "failed", r.Failed(), 0)
						atMost(t, "share of the bad one", share, 0.005)
						return
					}
					for second := 10.0; second < 40; second++ {
						if got := r.Share("stock", 7, sec(second), sec(second+1)); got > 0.1 {
							t.Errorf("share of the bad one in second %v: %v is more than its fair one", second, got)
						}
					}
				},
			})
		})
	}
}

func TestStormRollingDeploy(t *testing.T) {
	w := stock(0.8*capacity, sec(40), at(5, simtest.Deploy("stock", 2*time.Second)))
	w.Clients[0].Unsafe = true
	runs(t, outage{"rolling deploy", w, func(t *testing.T, r *simtest.Result, _ int) {
		atMost(t, "failed", r.Failed(), 0)
		atMost(t, "attempts beyond the first of calls that must not be repeated", r.Attempts("stock")-r.Requests("stock"), 0)
		for old := range 10 {
			atMost(t, "share of an old one in the end", r.Share("stock", old, sec(30), sec(40)), 0)
		}
	}})
}

func TestStormHalfOfTheInstancesFail(t *testing.T) {
	for name, rate := range map[string]float64{"that_the_others_can_bear": 0.4 * capacity, "that_they_cannot": 0.6 * capacity} {
		t.Run(name, func(t *testing.T) {
			label := "half fail"
			if rate > capacity/2 {
				label += " and overload"
			}
			w := stock(rate, sec(40), at(10, simtest.Answer("stock", fault.Internal, 5*time.Millisecond, 0, 2, 4, 6, 8)))
			runs(t, outage{label, w, func(t *testing.T, r *simtest.Result, _ int) {
				atLeast(t, "goodput, of what the healthy ones can do", r.Goodput(sec(15), sec(40))/min(rate, capacity/2), 0.95)
			}})
		})
	}
}

func TestStormRegistryIsGoneWhileInstancesDieAndCome(t *testing.T) {
	w := stock(400, sec(720),
		at(30, simtest.RegistryDown()), at(60, simtest.Kill("stock", 2, 5)), at(120, simtest.Add("stock", 2)), at(630, simtest.RegistryUp()))
	runs(t, outage{"registry outage", w, func(t *testing.T, r *simtest.Result, _ int) {
		atMost(t, "failed", r.Failed(), 0)
		dead := r.Share("stock", 2, sec(62), sec(630)) + r.Share("stock", 5, sec(62), sec(630))
		atMost(t, "share of the dead", dead, 0.01)
		atLeast(t, "share of the new ones in the end", r.Share("stock", 10, sec(690), sec(720))+r.Share("stock", 11, sec(690), sec(720)), 0.1)
	}})
}

func TestStormTenThousandCallersAtTheMomentOfHalfOpen(t *testing.T) {
	for _, probes := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d_probes", probes), func(t *testing.T) {
			var p sinew.ClientPolicy
			p.Breaker.MaxRequests, p.Breaker.Timeout, p.Breaker.MaxTimeout = probes, 3500*time.Millisecond, 3500*time.Millisecond
			p.Retry.Disabled = true
			w := simtest.World{
				For:      sec(30),
				Services: []simtest.Service{{Name: "stock", Instances: 10, Latency: work}},
				Clients: []simtest.Client{{
					Name: "web", Calls: "stock", Users: 10_000, Think: simtest.Fixed(time.Second), Deadline: patience,
					Config: sinew.Config{Clients: map[string]sinew.ClientPolicy{"stock": p}},
				}},
				Script: []simtest.Event{at(0, simtest.Answer("stock", fault.Internal, time.Millisecond))},
			}
			for seed := range uint64(2) {
				w.Seed = seed + 1
				r := simtest.Run(t, w)
				halfOpen := 0
				for second := 4.0; second < 29; second++ {
					switch got := r.Attempts("stock", sec(second-0.5), sec(second+0.5)); int(got) {
					case 0:
					case probes:
						halfOpen++
					default:
						t.Errorf("second %v: %v of 10,000 callers came through", second, got)
					}
				}
				atLeast(t, "times half-open", halfOpen, 5)
			}
		})
	}
}

func TestStormHedgingCutsTheTail(t *testing.T) {
	world := func(seed uint64, hedge bool) simtest.World {
		var p sinew.ClientPolicy
		if hedge {
			p.Retry.Hedge.Percent = 2
		}
		return simtest.World{
			For: sec(60), Seed: seed,
			Services: []simtest.Service{{Name: "stock", Instances: 10, Workers: 8, Latency: work.Sometimes(0.01, work.Times(50))}},
			Clients: []simtest.Client{{
				Name: "web", Calls: "stock", Rate: 800, Config: sinew.Config{Clients: map[string]sinew.ClientPolicy{"stock": p}},
			}},
		}
	}
	for seed := range uint64(2) {
		without, with := simtest.Run(t, world(seed+1, false)), simtest.Run(t, world(seed+1, true))
		atMost(t, "p99.9, of that without", float64(with.P999(sec(5), sec(60)))/float64(without.P999(sec(5), sec(60))), 0.2)
		atMost(t, "attempts per call", with.Attempts("stock")/with.Requests("stock"), 1.03)
	}
}
