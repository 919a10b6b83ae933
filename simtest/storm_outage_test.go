package simtest_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/simtest"
)

// tier is a service like that of the other storms that calls other services.
func tier(name string, calls ...string) simtest.Service {
	return simtest.Service{Name: name, Instances: 10, Workers: workers, Latency: work, Calls: calls}
}

// threeTiers are three services, the last of which is down for a minute.
func threeTiers(down, up simtest.Action) simtest.World {
	return simtest.World{
		For:      sec(100),
		Services: []simtest.Service{tier("front", "middle"), tier("middle", "bottom"), tier("bottom")},
		Clients:  []simtest.Client{{Name: "web", Calls: "front", Rate: 0.05 * capacity, Deadline: callerDeadline}},
		Script:   []simtest.Event{at(10, down), at(70, up)},
		Expiry:   sec(100), // the registry continues to list them
	}
}

func TestStormBottomOfThreeTiersIsDown(t *testing.T) {
	for name, w := range map[string]simtest.World{
		"refused":     threeTiers(simtest.Kill("bottom"), simtest.Restart("bottom")),
		"black-holed": threeTiers(simtest.Hang("bottom"), simtest.Heal("bottom")),
	} {
		t.Run(name, func(t *testing.T) {
			runs(t, outage{"outage " + name, w, func(t *testing.T, r *simtest.Result, _ int) {
				const openPeriod = 5 * time.Second // the breaker's longest open period
				atMost(t, "attempts per user request", r.Attempts("bottom", sec(10), sec(70))/float64(r.Offered(sec(10), sec(70))), 0.1)
				atMost(t, "in the worst second", r.WorstSecond("bottom", sec(10), sec(70)), 1.12)
				atMost(t, "99 % good after the return", r.Recovery(sec(70), 0.99), openPeriod)
			}})
		})
	}
}

// withoutBreakers is a world in which only budgets and marks limit the repeats.
func withoutBreakers(w simtest.World) simtest.World {
	p := sinew.ClientPolicy{Breaker: breaker.Policy{Disabled: true}}
	c := sinew.Config{Clients: map[string]sinew.ClientPolicy{"front": p, "middle": p, "bottom": p}}
	w.For, w.Clients[0].Rate, w.Clients[0].Config = sec(20), 0.2*capacity, c // so many that a tenth of them is more than one per second
	for i := range w.Services {
		w.Services[i].Config = c
	}
	return w
}

// Half of the failures succeed when repeated, so a call has up to three attempts: 1.75 on
// average. If every tier repeated what the tier below has repeated already, attempts at
// the bottom would be the third power of that for each request.
func TestStormTiersDoNotMultiplyTheirRepeats(t *testing.T) {
	const three = 1 + 0.5 + 0.25 + 0.03 // per call, plus random variation
	half := func(services ...string) (w simtest.World) {
		w = withoutBreakers(threeTiers(simtest.Action{}, simtest.Action{}))
		w.Script = nil
		for _, name := range services {
			w.Script = append(w.Script, at(0, simtest.Errors(name, 0.5)))
		}
		return w
	}
	check := func(t *testing.T, r *simtest.Result, _ int) {
		for _, tier := range []string{"front", "middle", "bottom"} {
			atMost(t, "attempts at the "+tier+" per call of it", r.Attempts(tier)/r.Requests(tier), three)
			atMost(t, "attempts at the "+tier+" per user request", r.Attempts(tier)/float64(r.Offered()), three)
		}
		atLeast(t, "attempts at the bottom per call of it", r.Attempts("bottom")/r.Requests("bottom"), 1.05)
	}
	t.Run("the_bottom_fails", func(t *testing.T) { runs(t, outage{"bottom fails", half("bottom"), check}) })
	t.Run("all_fail", func(t *testing.T) { runs(t, outage{"all tiers fail", half("front", "middle", "bottom"), check}) })
}

func TestStormOneOfTenAnswersErrorsAtOnce(t *testing.T) {
	for _, code := range []fault.Code{fault.Internal, fault.Unavailable, fault.ResourceExhausted, fault.Unauthenticated, fault.NotFound} {
		t.Run(strconv.Itoa(code.HTTPStatus()), func(t *testing.T) {
			runs(t, outage{
				fmt.Sprintf("black hole %d", code.HTTPStatus()),
				stock(0.6*capacity, sec(25), at(5, simtest.AnswerWith("stock", code.Errorf("no"), 500*time.Microsecond, 7))),
				func(t *testing.T, r *simtest.Result, _ int) {
					share := r.Share("stock", 7, sec(7), sec(25))
					if code == fault.Internal || code == fault.Unavailable {
						atMost(t, "failed", r.Failed(), 0)
						atMost(t, "share of the bad one", share, 0.005)
						return
					}
					for second := 5.0; second < 25; second++ {
						if got := r.Share("stock", 7, sec(second), sec(second+1)); got > 0.1 {
							t.Errorf("share of the bad one in second %v: %v is more than its fair one", second, got)
						}
					}
				},
			})
		})
	}
}

func TestStormHalfOfTheInstancesFail(t *testing.T) {
	for name, rate := range map[string]float64{"that_the_others_can_bear": 0.4 * capacity, "that_they_cannot": 0.6 * capacity} {
		t.Run(name, func(t *testing.T) {
			label := "half fail"
			if rate > capacity/2 {
				label += " and overload"
			}
			w := stock(rate, sec(30), at(10, simtest.AnswerWith("stock", fault.Internal, 5*time.Millisecond, 0, 2, 4, 6, 8)))
			runs(t, outage{label, w, func(t *testing.T, r *simtest.Result, _ int) {
				atLeast(t, "goodput, of what the healthy ones can do", r.Goodput(sec(15), sec(30))/min(rate, capacity/2), 0.95)
			}})
		})
	}
}

func TestStormTenThousandCallersAtTheMomentOfHalfOpen(t *testing.T) {
	for _, probes := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d_probes", probes), func(t *testing.T) {
			var p sinew.ClientPolicy
			p.Breaker.MaxRequests, p.Breaker.Timeout, p.Breaker.MaxTimeout = probes, 3500*time.Millisecond, 3500*time.Millisecond
			p.Retry.Disabled = true
			w := simtest.World{
				For:      sec(27),
				Services: []simtest.Service{{Name: "stock", Instances: 10, Latency: work}},
				Clients: []simtest.Client{{
					Name: "web", Calls: "stock", Users: 2_500 * workers, Think: simtest.Fixed(time.Second), Deadline: callerDeadline,
					Config: sinew.Config{Clients: map[string]sinew.ClientPolicy{"stock": p}},
				}},
				Script: []simtest.Event{at(0, simtest.AnswerWith("stock", fault.Internal, time.Millisecond))},
			}
			for _, seed := range seeds(t) {
				w.Seed = seed
				r := simtest.Run(t, w)
				halfOpen := 0
				for second := 4.0; second < 26; second++ {
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
