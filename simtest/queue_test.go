package simtest_test

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/simtest"
)

// mean measures how long calls of a client take on average, as its own middleware sees
// them.
type mean struct {
	mu    sync.Mutex
	sum   time.Duration
	calls int
}

func (m *mean) use() []endpoint.Middleware {
	return []endpoint.Middleware{func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			began := time.Now()
			answer, err := next(ctx, request)
			m.mu.Lock()
			defer m.mu.Unlock()
			m.sum, m.calls = m.sum+time.Since(began), m.calls+1
			return answer, err
		}
	}}
}

func (m *mean) seconds() float64 { return m.sum.Seconds() / float64(m.calls) }

// near fails the test unless got is within this share of want.
func near(t *testing.T, what string, got, want, share float64) {
	t.Helper()
	if !(math.Abs(got-want) <= share*math.Abs(want)) {
		t.Errorf("%s: %v is not within %v %% of %v", what, got, 100*share, want)
	}
}

// erlangC is the share of calls that wait for one of c workers under a load of a.
func erlangC(c int, a float64) float64 {
	sum, term := 0.0, 1.0
	for k := range c {
		sum += term
		term *= a / float64(k+1)
	}
	last := term * float64(c) / (float64(c) - a)
	return last / (sum + last)
}

func TestCallsWaitAsLongAsQueueingTheorySays(t *testing.T) {
	skipIfRaced(t)
	const service = 10 * time.Millisecond
	for _, c := range []struct {
		workers int
		rate    float64
	}{{1, 50}, {1, 60}, {4, 300}, {16, 1280}} {
		var seen mean
		res := simtest.Run(t, simtest.World{
			For:      time.Duration(40_000 / c.rate * float64(time.Second)),
			Services: []simtest.Service{{Name: "stock", Workers: c.workers, Latency: simtest.Exponential(0, service)}},
			Clients:  []simtest.Client{{Calls: "stock", Rate: c.rate, Middleware: seen.use}},
		})
		mu := 1 / service.Seconds()
		wait := erlangC(c.workers, c.rate/mu) / (float64(c.workers)*mu - c.rate)
		near(t, "mean response of M/M/c", seen.seconds(), wait+1/mu, 0.06)
		if res.Good() != 1 {
			t.Errorf("%d workers: %v", c.workers, res.Errors())
		}
	}
}

func TestOpenLoopArrivesAsAPoissonProcess(t *testing.T) {
	skipIfRaced(t)
	const rate, seconds = 100, 800
	res := simtest.Run(t, simtest.World{
		For: seconds * time.Second, Services: []simtest.Service{{Name: "stock"}},
		Clients: []simtest.Client{{Calls: "stock", Rate: rate, Processes: 4}},
	})
	var sum, squares float64
	for s := range seconds {
		n := float64(res.Offered(time.Duration(s)*time.Second, time.Duration(s+1)*time.Second))
		sum, squares = sum+n, squares+n*n
	}
	average := sum / seconds
	near(t, "arrivals per second", average, rate, 0.02)
	near(t, "their variance", squares/seconds-average*average, rate, 0.15)
}

func TestClosedLoopKeepsLittlesLaw(t *testing.T) {
	skipIfRaced(t)
	const users = 50
	think, work := 100*time.Millisecond, 20*time.Millisecond
	var seen mean
	res := simtest.Run(t, simtest.World{
		For:      2 * time.Minute,
		Services: []simtest.Service{{Name: "stock", Workers: 5, Latency: simtest.Exponential(0, work)}},
		Clients:  []simtest.Client{{Calls: "stock", Users: users, Think: simtest.Exponential(0, think), Middleware: seen.use, Processes: 3}},
	})
	// N = X (R + Z)
	near(t, "users by Little's law", res.Goodput()*(seen.seconds()+think.Seconds()), users, 0.02)
	if limit := 5 / work.Seconds(); res.Goodput() > limit {
		t.Errorf("%v calls/s by workers that can do %v", res.Goodput(), limit)
	}
}

func TestWorkersLimitTheCallsInProgress(t *testing.T) {
	var at [2]atomic.Int32
	var most [2]int32
	var mu sync.Mutex
	res := simtest.Run(t, simtest.World{
		For: 20 * time.Second,
		Services: []simtest.Service{{
			Name: "stock", Instances: 2, Workers: 3, Queue: 5,
			Do: func(ctx context.Context, i *simtest.Instance) error {
				n := at[i.Number()].Add(1)
				defer at[i.Number()].Add(-1)
				mu.Lock()
				most[i.Number()] = max(most[i.Number()], n)
				mu.Unlock()
				return i.Work(ctx, simtest.Exponential(0, 20*time.Millisecond))
			},
		}},
		Clients: []simtest.Client{{Calls: "stock", Rate: 600, Config: plain("stock")}},
	})
	if most != [2]int32{3, 3} {
		t.Errorf("at most %v at work", most)
	}
	if res.Failed() == 0 || res.Goodput() < 250 {
		t.Errorf("%v/s good of 600/s offered, by 6 workers that do 50/s each", res.Goodput())
	}
}

func TestAQueueAcceptsCallsUpToItsLimit(t *testing.T) {
	for queue, good := range map[int]int{-1: 2, 3: 5, 0: 10} {
		res := simtest.Run(t, simtest.World{
			For:      time.Second,
			Services: []simtest.Service{{Name: "stock", Workers: 2, Queue: queue, Latency: simtest.Fixed(time.Second)}},
			Clients:  []simtest.Client{{Calls: "stock", Users: 10, Config: plain("stock")}},
			Script:   []simtest.Event{simtest.At(500*time.Millisecond, simtest.Hang("stock"))}, // what was refused is not sent again
		})
		if n := res.Offered() - res.Failed(); n != good {
			t.Errorf("queue %d: %d calls were answered, not %d: %v", queue, n, good, res.Errors())
		}
	}
}

func TestAnInstanceWithStopsOnCancelDropsCallsOfGoneCallers(t *testing.T) {
	worked := func(heeds bool) float64 {
		return simtest.Run(t, simtest.World{
			For:      20 * time.Second,
			Services: []simtest.Service{{Name: "stock", Workers: 1, Latency: simtest.Fixed(100 * time.Millisecond), StopsOnCancel: heeds}},
			Clients:  []simtest.Client{{Calls: "stock", Rate: 20, Deadline: 300 * time.Millisecond, Config: plain("stock")}},
		}).Goodput()
	}
	// Twice the capacity is offered: workers that work for callers who have gone serve
	// nobody.
	if with, without := worked(true), worked(false); with < 5 || without > 1 {
		t.Errorf("%v/s good where it heeds, %v/s where not", with, without)
	}
}
