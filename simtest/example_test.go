package simtest_test

import (
	"testing"
	"time"

	"github.com/sinew-go/sinew/simtest"
)

// What a service does when one of its ten instances becomes twenty times slower.
func TestStockSurvivesASlowInstance(t *testing.T) {
	const slow, over = 10 * time.Second, 40 * time.Second
	res := simtest.Run(t, simtest.World{
		For: over,
		Services: []simtest.Service{
			{Name: "stock", Instances: 10, Workers: 4, Latency: simtest.Exponential(5*time.Millisecond, 5*time.Millisecond)},
		},
		Clients: []simtest.Client{{Calls: "stock", Rate: 2400, Deadline: 500 * time.Millisecond}},
		Script:  []simtest.Event{simtest.At(slow, simtest.Slow("stock", 20, 3))},
	})
	if res.Good(slow, over) < 0.99 {
		t.Errorf("%.2f %% of the calls were answered in time: %v", 100*res.Good(slow, over), res.Errors(slow, over))
	}
	if res.Attempts("stock") > 1.1*res.Requests("stock") {
		t.Errorf("%.0f attempts at %.0f calls", res.Attempts("stock"), res.Requests("stock"))
	}
}
