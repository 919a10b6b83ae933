package simtest_test

import (
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/simtest"
)

func TestStormOneOfTenBecomesTwentyTimesSlower(t *testing.T) {
	runs(t, outage{
		"slow instance",
		stock(0.6*capacity, sec(50), at(10, simtest.Slow("stock", 20, 3)), at(40, simtest.Heal("stock"))),
		func(t *testing.T, r *simtest.Result, processes int) {
			calm, storm := r.P99(sec(2), sec(10)), r.P99(sec(15), sec(40))
			atMost(t, "p99, in calm ones", float64(storm)/float64(calm), 1.1)
			atMost(t, "share of the slow one", r.Share("stock", 3, sec(15), sec(40)), boundFor(processes, 0.003, 0.01))
			atMost(t, "failed", r.Failed(sec(15), sec(40)), 0)
			atLeast(t, "share 5 s after its recovery", r.Share("stock", 3, sec(45), sec(47)), 0.05)
		},
	})
}

func TestStormOneOfTenIsAThirdSlowerThanItsShareAllows(t *testing.T) {
	runs(t, outage{
		"weak instance",
		stock(0.6*capacity, sec(45), at(0, simtest.Slow("stock", 1.6, 3))),
		func(t *testing.T, r *simtest.Result, processes int) {
			atMost(t, "p99", r.P99(sec(10), sec(45)), boundFor(processes, 31*time.Millisecond, 33*time.Millisecond))
		},
	})
}

func TestStormTenSecondsOfFivefoldLatency(t *testing.T) {
	world := func() simtest.World {
		return stock(0.8*capacity, sec(30), at(10, simtest.Slow("stock", 5)), at(20, simtest.Heal("stock")))
	}
	check := func(t *testing.T, r *simtest.Result, processes int) {
		atMost(t, "99 % good after it", r.Recovery(sec(20), 0.99), boundFor(processes, 2*time.Second, 4*time.Second))
		atMost(t, "failed before", r.Failed(0, sec(10)), 0)
	}
	t.Run("client_alone", func(t *testing.T) { runs(t, outage{"brownout", world(), check}) })
	t.Run("server_too", func(t *testing.T) { runs(t, outage{"brownout with a limiter", limited(world()), check}) })
}

// A black hole answers nothing, so only waiting reveals it. Until a call has waited long
// enough, further calls go there.
func TestStormOneOfTenAnswersNothing(t *testing.T) {
	w := stock(0.6*capacity, sec(25), at(10, simtest.Hang("stock", 3)))
	runs(t, outage{"silent instance", w, func(t *testing.T, r *simtest.Result, _ int) {
		failed, offered := r.Failed(sec(10), sec(20)), r.Offered(sec(10), sec(20))
		t.Logf("failed: %d of %d", failed, offered)
		atMost(t, "share of failed ones in the ten seconds after it begins", float64(failed)/float64(offered), 0.002)
		atMost(t, "failed from 5 s on", r.Failed(sec(15), sec(25)), 0)
		atMost(t, "failed before", r.Failed(0, sec(10)-callerDeadline), 0)
	}})
}

func TestStormHedgingCutsTheTail(t *testing.T) {
	world := func(seed uint64, hedge bool) simtest.World {
		var p sinew.ClientPolicy
		if hedge {
			p.Retry.Hedge.Percent = 2
		}
		return simtest.World{
			For: sec(60), Seed: seed,
			Services: []simtest.Service{{Name: "stock", Instances: 10, Workers: 2 * workers, Latency: work.Sometimes(0.01, work.Times(50))}},
			Clients: []simtest.Client{{
				Name: "web", Calls: "stock", Rate: 0.2 * capacity, Config: sinew.Config{Clients: map[string]sinew.ClientPolicy{"stock": p}},
			}},
		}
	}
	if raced {
		simtest.Run(t, world(1, true))
		return
	}
	for _, seed := range seeds(t) {
		without, with := simtest.Run(t, world(seed, false)), simtest.Run(t, world(seed, true))
		atMost(t, "p99.9, of that without", float64(with.P999(sec(5), sec(60)))/float64(without.P999(sec(5), sec(60))), 0.2)
		atMost(t, "attempts per call", with.Attempts("stock")/with.Requests("stock"), 1.03)
	}
}
