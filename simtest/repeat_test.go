package simtest_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/simtest"
)

// storm is a world in which much goes wrong.
func storm(seed uint64) simtest.World {
	return simtest.World{
		For: 30 * time.Second, Seed: seed, Network: simtest.Uniform(100*time.Microsecond, 300*time.Microsecond),
		Services: []simtest.Service{
			{Name: "web", Instances: 3, Workers: 50, Latency: simtest.Exponential(time.Millisecond, time.Millisecond), Calls: []string{"stock"}},
			{Name: "stock", Instances: 5, Workers: 4, Queue: 20, Latency: simtest.Exponential(5*time.Millisecond, 5*time.Millisecond), Errors: 0.01},
		},
		Clients: []simtest.Client{{Calls: "web", Processes: 2, Rate: 500, Deadline: 300 * time.Millisecond}},
		Script: []simtest.Event{
			simtest.At(5*time.Second, simtest.Kill("stock", 1)),
			simtest.At(8*time.Second, simtest.Slow("stock", 20, 2)),
			simtest.At(12*time.Second, simtest.Answer("stock", fault.Unavailable.Errorf("out of order"), time.Millisecond, 3)),
			simtest.At(15*time.Second, simtest.Restart("stock", 1)),
			simtest.At(18*time.Second, simtest.Heal("stock")),
			simtest.At(20*time.Second, simtest.Kill("stock")),
			simtest.At(22*time.Second, simtest.Restart("stock")),
			simtest.At(25*time.Second, simtest.Deploy("stock", 200*time.Millisecond)),
		},
	}
}

// figures are what a run came to.
func figures(res *simtest.Result) map[string]float64 {
	return map[string]float64{
		"offered": float64(res.Offered()), "goodput": res.Goodput(), "p50": res.P50().Seconds(), "p99": res.P99().Seconds(),
		"attempts at web": res.Attempts("web"), "attempts at stock": res.Attempts("stock"), "calls of stock": res.Requests("stock"),
		"share of 2": res.Share("stock", 2), "open": res.Open("web", "stock"),
	}
}

func TestMeasure(t *testing.T) {
	a, b := simtest.Run(t, storm(7)), simtest.Run(t, storm(7))
	fa, fb := figures(a), figures(b)
	for name := range fa {
		t.Logf("%s %v %v %.3f %%", name, fa[name], fb[name], 100*math.Abs(fa[name]-fb[name])/fa[name])
	}
	t.Log(reflect.DeepEqual(a.Errors(), b.Errors()), a.Errors(), b.Errors())
	w := storm(7)
	w.Codec = true
	began := time.Now()
	c := simtest.Run(t, w)
	t.Log("codec", time.Since(began), figures(c), c.Errors())
}
