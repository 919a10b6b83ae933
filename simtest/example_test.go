package simtest_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/simtest"
)

// What the default policies do when one of ten instances becomes twenty times slower.
// Copy this, insert your own figures, and assert what you promise.
func TestStockSurvivesASlowInstance(t *testing.T) {
	const slow, over = 10 * time.Second, 40 * time.Second
	res := simtest.Run(t, simtest.World{
		For: over,
		Services: []simtest.Service{
			{Name: "stock", Instances: 10, Workers: 4, Latency: simtest.Exponential(5*time.Millisecond, 5*time.Millisecond)},
		},
		Clients: []simtest.Client{{Calls: "stock", Rate: 1000, Deadline: 500 * time.Millisecond}},
		Script:  []simtest.Event{simtest.At(slow, simtest.Slow("stock", 20, 3))},
	})
	if res.Good(slow, over) < 0.99 {
		t.Errorf("%.2f %% of the calls were answered in time: %v", 100*res.Good(slow, over), res.Errors(slow, over))
	}
	if res.Share("stock", 3, slow+5*time.Second, over) > 0.05 {
		t.Errorf("%.1f %% of the attempts still go to the slow one", 100*res.Share("stock", 3, slow+5*time.Second, over))
	}
}

// What an outage at the bottom of two tiers does to the top, under your own policies:
// retries must not multiply, and the system must recover soon afterwards.
func TestShopRecoversWhenStockReturns(t *testing.T) {
	const down, up, over = 10 * time.Second, 20 * time.Second, 40 * time.Second
	policies := sinew.Config{Clients: map[string]sinew.ClientPolicy{"stock": {Timeout: 200 * time.Millisecond}}}
	res := simtest.Run(t, simtest.World{
		For: over,
		Services: []simtest.Service{
			{Name: "shop", Instances: 3, Workers: 100, Latency: simtest.Fixed(2 * time.Millisecond), Calls: []string{"stock"}, Config: policies},
			{Name: "stock", Instances: 5, Workers: 8, Latency: simtest.Exponential(5*time.Millisecond, 5*time.Millisecond)},
		},
		Clients: []simtest.Client{{Calls: "shop", Rate: 300, Deadline: time.Second}},
		Script:  []simtest.Event{simtest.At(down, simtest.Kill("stock")), simtest.At(up, simtest.Restart("stock"))},
	})
	if n := res.Attempts("stock", down, up) / float64(res.Offered(down, up)); n > 1.5 {
		t.Errorf("%.2f attempts at stock for each call of the shop in the outage", n)
	}
	if took := res.Recovery(up, 0.99); took > 10*time.Second {
		t.Errorf("it took %s to be well again", took)
	}
}

// A world is validated before it runs; all faults are reported together.
func ExampleWorld_Validate() {
	err := simtest.World{
		Services: []simtest.Service{{Name: "stock", Instances: 3, Errors: 7}},
		Clients:  []simtest.Client{{Name: "web", Calls: "stock", Rate: 100}},
		Script:   []simtest.Event{simtest.At(10*time.Second, simtest.Kill("stock", 3))},
	}.Validate()
	fmt.Println(err)
	// Output:
	// invalid_argument: service stock: Errors: 7 is not between 0 and 1
	// invalid_argument: Script: at 10s: service stock has no instance 3 then; it has 3, numbered from 0
}

// Distributions are combined: 5 ms and a tail, with one call in a hundred fifty times
// slower.
func ExampleLatency() {
	l := simtest.Exponential(5*time.Millisecond, 5*time.Millisecond)
	l = l.Sometimes(0.01, l.Times(50))
	chance := rand.New(rand.NewPCG(1, 2))
	slow := 0
	for range 10_000 {
		if l(chance) > 250*time.Millisecond {
			slow++
		}
	}
	fmt.Println(slow > 50 && slow < 150, "of 10,000 are slower than 250 ms")
	// Output: true of 10,000 are slower than 250 ms
}
