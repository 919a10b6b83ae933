package simtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/simtest"
)

// The storms of docs/resilience.md: what sinew's defaults do without configuration. Ten
// instances with four workers each, 5 ms + exponential 5 ms per call, so that they can
// serve 4,000 calls a second; unbounded queues; servers that continue to work when their
// caller has gone.

const (
	capacity       = 1000.0 * workers
	callerDeadline = 500 * time.Millisecond
)

var work = simtest.Exponential(5*time.Millisecond, 5*time.Millisecond)

// outage is a storm, and what its runs must show.
type outage struct {
	name  string
	world simtest.World
	check func(t *testing.T, r *simtest.Result, processes int)
}

// stock is a world of ten instances of one service, under this load.
func stock(rate float64, length time.Duration, script ...simtest.Event) simtest.World {
	return simtest.World{
		For: length, Script: script,
		Services: []simtest.Service{{Name: "stock", Instances: 10, Workers: workers, Latency: work}},
		Clients:  []simtest.Client{{Name: "web", Calls: "stock", Rate: rate, Deadline: callerDeadline}},
	}
}

// limited puts a sinew server's limiter in front of the workers.
func limited(w simtest.World) simtest.World {
	w.Services[0].Middleware = func() []endpoint.Middleware {
		return []endpoint.Middleware{limit.Adaptive{}.Middleware()}
	}
	return w
}

func at(seconds float64, what simtest.Action) simtest.Event {
	return simtest.At(sec(seconds), what)
}

func sec(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// runs plays a storm with one client process and with twenty. With SINEW_STORM_CHARTS the
// first run of each is drawn into that folder.
func runs(t *testing.T, s outage) {
	t.Helper()
	for _, processes := range processCounts() {
		for _, seed := range seeds(t) {
			t.Run(fmt.Sprintf("%d_processes/seed_%d", processes, seed), func(t *testing.T) {
				t.Parallel()
				s.runOnce(t, processes, seed)
			})
		}
	}
}

// processCounts are the numbers of client processes with which a storm is played.
func processCounts() []int {
	if raced {
		return []int{1} // only the many goroutines that share one client can race
	}
	return []int{1, 20}
}

// seeds are one seed, or as many as SINEW_STORM_SEEDS says.
func seeds(t *testing.T) []uint64 {
	t.Helper()
	n := 1
	if text := os.Getenv("SINEW_STORM_SEEDS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	if raced {
		n = 1
	}
	var all []uint64
	for seed := range n {
		all = append(all, uint64(seed)+1)
	}
	return all
}

// runOnce is one run of a storm.
func (s outage) runOnce(t *testing.T, processes int, seed uint64) {
	t.Helper()
	w := s.world
	w.Seed = seed
	w.Clients = append([]simtest.Client(nil), w.Clients...)
	for i := range w.Clients {
		w.Clients[i].Processes = processes
	}
	if dir := os.Getenv("SINEW_STORM_CHARTS"); dir != "" && seed == 1 && processes == 20 {
		w.Chart = filepath.Join(dir, strings.ReplaceAll(s.name, " ", "-")+".svg")
	}
	r := simtest.Run(t, w)
	if raced {
		return // the figures are those of instances with four workers
	}
	s.check(t, r, processes)
	if t.Failed() {
		t.Logf("errors: %v", r.Errors())
	}
}

// atMost fails the test if a figure exceeds its bound, and always logs it.
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

// boundFor returns the bound for one process, or the looser one for twenty.
func boundFor[N any](processes int, one, twenty N) N {
	if processes == 1 {
		return one
	}
	return twenty
}
