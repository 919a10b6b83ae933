package simtest_test

import (
	"bytes"
	"maps"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/simtest"
)

// storm is a world with many disturbances, at random moments as well as at round ones.
func storm(seed uint64, policies sinew.Config) simtest.World {
	const second = time.Second
	return simtest.World{
		For: 30 * second, Seed: seed,
		Services: []simtest.Service{
			{Name: "web", Instances: 3, Workers: 50, Latency: simtest.Exponential(time.Millisecond, time.Millisecond), Calls: []string{"stock"}, Config: policies},
			{Name: "stock", Instances: 5, Workers: 2, Queue: 10, Latency: simtest.Exponential(5*time.Millisecond, 5*time.Millisecond), Errors: 0.01},
		},
		Clients: []simtest.Client{
			{Name: "open", Calls: "web", Processes: 2, Rate: 150, Deadline: 300 * time.Millisecond, Config: policies},
			{Name: "closed", Calls: "web", Users: 8, Think: simtest.Exponential(0, 200*time.Millisecond), Deadline: 300 * time.Millisecond, Config: policies},
		},
		Script: []simtest.Event{
			simtest.At(5*second, simtest.Kill("stock", 1)),
			simtest.At(8*second, simtest.Slow("stock", 20, 2)),
			simtest.At(12*second, simtest.AnswerWith("stock", fault.Unavailable.Errorf("out of order"), time.Millisecond, 3)),
			simtest.At(15*second, simtest.Restart("stock", 1)),
			simtest.At(16*second, simtest.Partition("web", "stock", 0)),
			simtest.At(18*second, simtest.Heal("stock")),
			simtest.At(18*second, simtest.HealPartition("web", "stock", 0)),
			simtest.At(20*second, simtest.Kill("stock")),
			simtest.At(22*second, simtest.Restart("stock")),
			simtest.At(25*second, simtest.Deploy("stock", 200*time.Millisecond)),
		},
	}
}

// figures are the results of a run.
func figures(res *simtest.Result) map[string]float64 {
	return map[string]float64{
		"offered": float64(res.Offered()), "goodput": res.Goodput(), "p50": res.P50().Seconds(), "p99": res.P99().Seconds(),
		"attempts at web": res.Attempts("web"), "attempts at stock": res.Attempts("stock"), "calls of stock": res.Requests("stock"),
		"share of instance 2": res.Share("stock", 2), "open": res.Open("web", "stock"),
	}
}

func drawn(t *testing.T, res *simtest.Result) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := res.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// same runs a world twice and fails if anything differs.
func same(t *testing.T, w simtest.World) {
	t.Helper()
	a, b := simtest.Run(t, w), simtest.Run(t, w)
	if !maps.Equal(figures(a), figures(b)) || !maps.Equal(a.Errors(), b.Errors()) {
		t.Errorf("%v %v\n%v %v", figures(a), a.Errors(), figures(b), b.Errors())
	}
	if !bytes.Equal(drawn(t, a), drawn(t, b)) {
		t.Error("two pictures of the same run")
	}
}

func TestTwoRunsOfASeedAreTheSame(t *testing.T) {
	skipIfRaced(t)
	w := storm(1, plain("web", "stock"))
	same(t, w)
	w.Seed, w.Network = 2, simtest.Uniform(100*time.Microsecond, 300*time.Microsecond)
	same(t, w)
	w.Codec = true
	same(t, w)
}

func TestTwoRunsOfASeedAreTheSameWithTheDefaultPolicies(t *testing.T) {
	same(t, storm(1, sinew.Config{}))
	if !raced {
		same(t, storm(2, sinew.Config{}))
	}
}

// hardStorm is a storm in which every policy has an effect: twice the capacity is offered,
// instances are slow or silent, calls are hedged, and each server has a limiter.
func hardStorm(seed uint64) simtest.World {
	const second = time.Second
	hedging := sinew.Config{Clients: map[string]sinew.ClientPolicy{"stock": {Retry: retry.Policy{Hedge: retry.Hedge{Percent: 5}}}}}
	server := func() []endpoint.Middleware {
		return []endpoint.Middleware{limit.Adaptive{}.Middleware()}
	}
	quick := simtest.Exponential(time.Millisecond, time.Millisecond)
	return simtest.World{
		For: 20 * second, Seed: seed, Network: simtest.Uniform(100*time.Microsecond, 300*time.Microsecond),
		Services: []simtest.Service{
			{Name: "web", Instances: 3, Workers: 200, Latency: quick, Calls: []string{"stock"}, Config: hedging, Middleware: server},
			{Name: "stock", Instances: 10, Workers: 1, Latency: work.Sometimes(0.01, work.Times(20)), Middleware: server},
		},
		Clients: []simtest.Client{{Calls: "web", Processes: 20, Rate: 500, Deadline: 500 * time.Millisecond}},
		Script: []simtest.Event{
			simtest.At(2*second, simtest.Hang("stock", 1, 2)),
			simtest.At(4*second, simtest.Load("client", 2000)),
			simtest.At(5*second, simtest.Kill("stock", 3, 4, 5)),
			simtest.At(7*second, simtest.AnswerWith("stock", fault.Internal.Errorf("out of order"), time.Millisecond, 6, 7)),
			simtest.At(8*second, simtest.Restart("stock", 3, 4, 5)),
			simtest.At(10*second, simtest.Kill("stock")),
			simtest.At(12*second, simtest.Restart("stock")),
			simtest.At(12*second, simtest.Heal("stock")),
			simtest.At(14*second, simtest.Load("client", 250)),
			simtest.At(16*second, simtest.Slow("stock", 30, 1)),
		},
	}
}

func TestTwoRunsOfASeedAreTheSameInAHardStorm(t *testing.T) {
	w := hardStorm(1)
	if raced {
		simtest.Run(t, w) // once: every policy takes part
		return
	}
	same(t, w)
	w.Seed, w.Codec = 2, true
	same(t, w)
}

func TestTwoSeedsAreTwoRuns(t *testing.T) {
	a, b := simtest.Run(t, storm(1, plain("web", "stock"))), simtest.Run(t, storm(2, plain("web", "stock")))
	if a.Offered() == b.Offered() || a.Goodput() == b.Goodput() {
		t.Errorf("%v\n%v", figures(a), figures(b))
	}
}

func TestCodecChangesNoFigure(t *testing.T) {
	w := storm(1, plain("web", "stock"))
	without := simtest.Run(t, w)
	w.Codec = true
	with := figures(simtest.Run(t, w))
	for name, want := range figures(without) {
		near(t, name, with[name], want, 0.02)
	}
}
