package simtest_test

import (
	"testing"
	"time"

	"github.com/sinew-go/sinew/simtest"
)

func TestStormTwiceTheLoadThatCanBeServed(t *testing.T) {
	world := func() simtest.World {
		return stock(0.5*capacity, sec(47), at(10, simtest.Load("web", 2*capacity)), at(40, simtest.Load("web", 0.5*capacity)))
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
