package simtest_test

import (
	"bytes"
	"maps"
	"reflect"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/simtest"
)

// storm is a world in which much goes wrong, at moments that come from chance as
// well as at round ones.
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
			simtest.At(12*second, simtest.Answer("stock", fault.Unavailable.Errorf("out of order"), time.Millisecond, 3)),
			simtest.At(15*second, simtest.Restart("stock", 1)),
			simtest.At(16*second, simtest.Partition("web", "stock", 0)),
			simtest.At(18*second, simtest.Heal("stock")),
			simtest.At(18*second, simtest.Join("web", "stock", 0)),
			simtest.At(20*second, simtest.Kill("stock")),
			simtest.At(22*second, simtest.Restart("stock")),
			simtest.At(25*second, simtest.Deploy("stock", 200*time.Millisecond)),
		},
	}
}

// figures are what a run came to.
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

// same runs a world twice and fails where anything differs.
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
	w := storm(1, plain("web", "stock"))
	same(t, w)
	w.Seed, w.Network = 2, simtest.Uniform(100*time.Microsecond, 300*time.Microsecond)
	same(t, w)
	w.Codec = true
	same(t, w)
}

// seeded says whether chance in the policies comes from seeds.
func seeded() bool {
	for _, policy := range []reflect.Type{reflect.TypeFor[retry.Policy](), reflect.TypeFor[breaker.Policy](), reflect.TypeFor[loadbalance.Policy]()} {
		if _, there := policy.FieldByName("Seed"); !there {
			return false
		}
	}
	return true
}

func TestTwoRunsOfASeedAreTheSameWithTheDefaultPolicies(t *testing.T) {
	if !seeded() {
		t.Skip("the policies have no seeds")
	}
	same(t, storm(1, sinew.Config{}))
	same(t, storm(2, sinew.Config{}))
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
