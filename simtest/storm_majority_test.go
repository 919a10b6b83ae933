package simtest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sinew-go/sinew/simtest"
)

// partlyDown is a world of this many instances that can each serve 800 calls a second. 200
// calls a second are offered in total.
func partlyDown(of int, script ...simtest.Event) simtest.World {
	w := stock(0.05*capacity, sec(60), script...)
	w.Services[0].Instances, w.Services[0].Workers = of, 8
	w.Expiry = time.Hour // the registry continues to list them
	return w
}

func TestStormMostInstancesAreDown(t *testing.T) {
	for _, c := range []struct {
		live, of            int
		atFirst, afterwards float64 // of twenty processes, with black-holed instances
	}{{1, 3, 0.3, 0.1}, {1, 4, 0.3, 0.1}, {2, 10, 0.35, 0.15}, {1, 10, 0.5, 0.1}} {
		gone := first(c.of - c.live)
		name := fmt.Sprintf("%d of %d left", c.live, c.of)
		t.Run(name+", refused", func(t *testing.T) {
			runs(t, outage{name, partlyDown(c.of, at(10, simtest.Kill("stock", gone...))), func(t *testing.T, r *simtest.Result, processes int) {
				atMost(t, "share of calls that failed", 1-r.Good(), boundFor(processes, 0.01, 0.05))
				atMost(t, "and from 5 s on", 1-r.Good(sec(15), sec(60)), boundFor(processes, 0.001, 0.005))
			}})
		})
		t.Run(name+", black-holed", func(t *testing.T) {
			runs(t, outage{name + " silent", partlyDown(c.of, at(10, simtest.Hang("stock", gone...))), func(t *testing.T, r *simtest.Result, processes int) {
				atMost(t, "share of failed ones in the first 20 s", 1-r.Good(sec(10), sec(30)), boundFor(processes, 0.1, c.atFirst))
				atMost(t, "and from then on", 1-r.Good(sec(30), sec(60)), boundFor(processes, 0.02, c.afterwards))
			}})
		})
	}
}

func TestStormAllButOneRestart(t *testing.T) {
	gone := first(9)
	w := partlyDown(10, at(10, simtest.Kill("stock", gone...)), at(20, simtest.Restart("stock", gone...)))
	runs(t, outage{"all but one restart", w, func(t *testing.T, r *simtest.Result, processes int) {
		atMost(t, "share of calls that failed", 1-r.Good(), boundFor(processes, 0.01, 0.04))
		atLeast(t, "share of those that came back, in the end", 1-r.Share("stock", 9, sec(50), sec(60)), 0.5)
	}})
}
