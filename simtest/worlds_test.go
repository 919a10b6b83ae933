package simtest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/simtest"
)

// naive is the policy of a client with round robin and three attempts, and nothing else.
// No default may be worse.
var naive = sinew.ClientPolicy{
	Retry:   retry.Policy{Budget: retry.Budget{Disabled: true}},
	Limit:   limit.Adaptive{Disabled: true},
	Breaker: breaker.Policy{Disabled: true},
	Balance: loadbalance.Policy{
		Algorithm: loadbalance.RoundRobin,
		Ejection:  loadbalance.Ejection{Disabled: true},
		Probation: loadbalance.Probation{Disabled: true},
		SlowStart: loadbalance.SlowStart{Disabled: true},
	},
}

// cell is a world in which the defaults are compared with naive clients.
type cell struct {
	name  string
	world simtest.World
	from  time.Duration // of the disturbance
	to    time.Duration
	procs [2]int // of a client; zero is 1 and 20
}

// Unless a world says otherwise it has ten instances with four workers each and 40 ms per
// call, which can serve 1,000 calls a second; callers wait for a second; the disturbance
// lasts from 15 s to 45 s of a minute.
const (
	able   = 1000.0
	onset  = 15.0
	relief = 45.0
)

var forty = simtest.Exponential(20*time.Millisecond, 20*time.Millisecond)

// trouble is a world with a disturbance, at this share of its capacity.
func trouble(name string, share float64, change func(w *simtest.World), script ...simtest.Event) cell {
	w := simtest.World{
		For: time.Minute, Expiry: time.Hour, Script: script,
		Services: []simtest.Service{{Name: "stock", Instances: 10, Workers: 4, Latency: forty}},
		Clients:  []simtest.Client{{Name: "web", Calls: "stock", Rate: share * able, Deadline: time.Second}},
	}
	if change != nil {
		change(&w)
	}
	return cell{name: name, world: w, from: sec(onset), to: sec(relief)}
}

func wait(seconds float64) func(w *simtest.World) {
	return func(w *simtest.World) { w.Clients[0].Deadline = sec(seconds) }
}

func size(instances, workers int, l simtest.Latency, rate, deadline float64) func(w *simtest.World) {
	return func(w *simtest.World) {
		w.Services[0].Instances, w.Services[0].Workers, w.Services[0].Latency = instances, workers, l
		w.Clients[0].Rate, w.Clients[0].Deadline = rate, sec(deadline)
	}
}

// changed combines several changes.
func changed(changes ...func(w *simtest.World)) func(w *simtest.World) {
	return func(w *simtest.World) {
		for _, c := range changes {
			c(w)
		}
	}
}

func unsafe(w *simtest.World) { w.Clients[0].Unsafe = true }

// route is the operation of the n-th call: one of this many, in rotation.
func route(of int) func(n int) string {
	return func(n int) string { return fmt.Sprintf("route %d", n%of) }
}

// operationOf is the operation that an instance was called with.
func operationOf(ctx context.Context) string { return call.Of(ctx).Name }

// every repeats an event with this gap.
func every(gap, from, to float64, what func(n int) simtest.Action) (script []simtest.Event) {
	for n := 0; from+float64(n)*gap < to; n++ {
		script = append(script, at(from+float64(n)*gap, what(n)))
	}
	return script
}

// bursts is a world with this many times its capacity for this many seconds, every five
// seconds.
func bursts(name string, load, times, lasts float64) cell {
	return trouble(name, load, nil, append(
		every(5, 5, 60, func(int) simtest.Action { return simtest.Load("web", times*able) }),
		every(5, 5+lasts, 60, func(int) simtest.Action { return simtest.Load("web", load*able) })...)...)
}

// first are the numbers of the first n instances.
func first(n int) (numbers []int) {
	for i := range n {
		numbers = append(numbers, i)
	}
	return numbers
}

// withColdStart makes the first calls of each instance this many times slower.
func withColdStart(s *simtest.Service, calls int, times float64) {
	var served [100]atomic.Int64
	l := s.Latency
	s.Latency, s.Do = nil, func(ctx context.Context, i *simtest.Instance) error {
		if served[i.Number()].Add(1) <= int64(calls) {
			return i.Work(ctx, l.Times(times))
		}
		return i.Work(ctx, l)
	}
}

// withDo replaces the latency of the service by this Do.
func withDo(do func(ctx context.Context, i *simtest.Instance) error) func(w *simtest.World) {
	return func(w *simtest.World) { w.Services[0].Latency, w.Services[0].Do = nil, do }
}

// runStart is the time at which every run starts.
var runStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// answerInsteadOf replaces the refusal of a full queue by this answer.
func answerInsteadOf(answer error) endpoint.Middleware {
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			response, err := next(ctx, request)
			if fault.ReasonOf(err) == "overloaded" {
				err = answer
			}
			return response, err
		}
	}
}

var oops = fault.Internal.Errorf("no")

// cells are the worlds.
func cells() []cell {
	crash := func(gap, back float64, n int) []simtest.Event {
		var script []simtest.Event
		for i := range n {
			script = append(script, every(gap, onset+gap*float64(i)/float64(n), relief, func(int) simtest.Action { return simtest.Kill("stock", i) })...)
			script = append(script, every(gap, onset+back+gap*float64(i)/float64(n), relief+back, func(int) simtest.Action { return simtest.Restart("stock", i) })...)
		}
		return script
	}
	full := fault.Unavailable.Errorf("full")
	shedding := func(answer error, load float64) cell {
		return trouble(fmt.Sprintf("over-%g-%d", load, fault.CodeOf(answer).HTTPStatus()), 0.5, func(w *simtest.World) {
			w.Services[0].Queue = 16
			w.Services[0].Middleware = func() []endpoint.Middleware { return []endpoint.Middleware{answerInsteadOf(answer)} }
		}, at(onset, simtest.Load("web", load*able)), at(relief, simtest.Load("web", 0.5*able)))
	}
	over := func(name string, load float64, change func(w *simtest.World)) cell {
		c := trouble(name, 0.5, change, at(onset, simtest.Load("web", load*able)), at(relief, simtest.Load("web", 0.5*able)))
		if load >= 5 { // a fifth of the size, because so many calls are expensive to simulate
			size(2, 4, forty, 0.5*able/5, 1)(&c.world)
			c.world.Script = []simtest.Event{at(onset, simtest.Load("web", load*able/5)), at(relief, simtest.Load("web", 0.5*able/5))}
		}
		return c
	}
	evenly := func(share float64) cell {
		return trouble(fmt.Sprintf("err-%g", 100*share), 0.3, nil, at(onset, simtest.Errors("stock", share)), at(relief, simtest.Heal("stock")))
	}
	routes := func(bad int) cell {
		return trouble(fmt.Sprintf("route-%d", 20*bad), 0.3, changed(func(w *simtest.World) { w.Clients[0].Operation = route(5) }, withDo(func(ctx context.Context, i *simtest.Instance) error {
			if operationOf(ctx) < fmt.Sprintf("route %d", bad) {
				if err := i.Work(ctx, simtest.Fixed(5*time.Millisecond)); err != nil {
					return err
				}
				return oops
			}
			return i.Work(ctx, forty)
		})))
	}
	slowAll := func(name string, load, times, from, to, deadline float64) cell {
		c := trouble(name, load, wait(deadline), at(from, simtest.Slow("stock", times)))
		if to < 60 {
			c.world.Script = append(c.world.Script, at(to, simtest.Heal("stock")))
		}
		c.from, c.to = sec(from), sec(min(to, 60))
		return c
	}
	dead := func(n, of int) cell {
		c := trouble(fmt.Sprintf("dead-%d-of-%d", n, of), 0.2, func(w *simtest.World) {
			w.Services[0].Instances, w.Services[0].Workers, w.Services[0].Latency = of, 32, forty
		}, at(onset, simtest.Kill("stock", first(n)...)))
		c.to = time.Minute
		return c
	}
	silent := func(n, of int) cell {
		c := trouble(fmt.Sprintf("hang-%d-of-%d", n, of), 0.2, func(w *simtest.World) {
			w.Services[0].Instances, w.Services[0].Workers, w.Services[0].Latency = of, 32, forty
		}, at(onset, simtest.Hang("stock", first(n)...)), at(relief, simtest.Heal("stock")))
		return c
	}
	all := []cell{
		trouble("calm", 0.6, nil),
		// calls that are slow by nature
		trouble("long-6s", 0.3, changed(size(10, 4, simtest.Exponential(5*time.Second, time.Second), 2, 0), func(w *simtest.World) { w.For = 2 * time.Minute })),
		trouble("long-6s-busy", 0.3, changed(size(10, 40, simtest.Exponential(5*time.Second, time.Second), 20, 0), func(w *simtest.World) { w.For = 2 * time.Minute })),
		trouble("long-2s-hang", 0.3, size(10, 20, simtest.Exponential(time.Second, time.Second), 60, 10), at(onset, simtest.Hang("stock", 3)), at(relief, simtest.Heal("stock"))),
		slowAll("slower-2.5", 0.3, 2.5, onset, 60, 1),
		func() cell {
			c := trouble("slower-7", 0.2, size(10, 400, forty, 200, 1), at(onset, simtest.Slow("stock", 7)))
			c.to = time.Minute
			return c
		}(),
		func() cell {
			c := trouble("slower-20", 0.2, size(10, 400, forty, 200, 2), at(onset, simtest.Slow("stock", 20)))
			c.to = time.Minute
			return c
		}(),
		func() cell {
			c := trouble("slower-20-tight", 0.2, size(10, 400, forty, 200, 1), at(onset, simtest.Slow("stock", 20)))
			c.to = time.Minute
			return c
		}(),
		func() cell {
			c := trouble("trap", 0.2, size(10, 25, forty, 200, 1), at(onset, simtest.Slow("stock", 7)), at(onset, simtest.Load("web", 2000)), at(onset+3, simtest.Load("web", 200)))
			c.from, c.to = sec(onset+5), time.Minute
			return c
		}(),
		func() cell {
			c := trouble("mix-shift", 0.3, changed(size(10, 40, forty, 300, 10), func(w *simtest.World) {
				w.Script = []simtest.Event{at(15, simtest.Load("web", 50)), at(30, simtest.Load("web", 300)), at(45, simtest.Load("web", 50))}
			}))
			withDo(func(ctx context.Context, i *simtest.Instance) error {
				since := time.Since(runStart).Seconds()
				if since > 15 && since < 30 || since > 45 && since < 60 {
					return i.Work(ctx, simtest.Exponential(500*time.Millisecond, 500*time.Millisecond))
				}
				return i.Work(ctx, simtest.Fixed(5*time.Millisecond))
			})(&c.world)
			return c
		}(),
		slowAll("nodl-brownout5", 0.8, 5, 15, 25, 0),
		slowAll("brownout5", 0.8, 5, 15, 25, 1),
		slowAll("brownout3", 0.5, 3, 15, 45, 1),
		slowAll("heal-over", 0.5, 2.6, 15, 45, 1),
		func() cell {
			return trouble("ramp-2", 0.4, nil, every(1, 10, 50, func(n int) simtest.Action { return simtest.Slow("stock", 1+float64(n)/40) })...)
		}(),
		func() cell {
			return trouble("step", 0.1, nil, at(onset, simtest.Load("web", 0.95*able)))
		}(),
		// errors
		evenly(0.05), evenly(0.2), evenly(0.4), evenly(0.5), evenly(0.6), evenly(0.75), evenly(0.9), evenly(0.97),
		routes(1), routes(2), routes(3), routes(4),
		func() cell {
			// a poisoned tenant: 60 calls at one moment every 2 s all fail within 2 ms,
			// in the same client
			c := trouble("tenant-burst", 0.3, nil)
			for s := onset; s < relief; s += 2 {
				c.world.Script = append(c.world.Script, at(s, simtest.Load("web", 30000)), at(s+0.002, simtest.Load("web", 300)))
			}
			withDo(func(ctx context.Context, i *simtest.Instance) error {
				since := time.Since(runStart).Seconds()
				for s := onset; s < relief; s += 2 {
					if since >= s-0.01 && since < s+0.0022 {
						if err := i.Work(ctx, simtest.Fixed(2*time.Millisecond)); err != nil {
							return err
						}
						return oops
					}
				}
				return i.Work(ctx, forty)
			})(&c.world)
			return c
		}(),
		// starts and crashes
		func() cell {
			c := trouble("herd-start", 0, func(w *simtest.World) {
				w.Clients[0].Rate, w.Clients[0].Users, w.Clients[0].Think = 0, 700, simtest.Fixed(time.Second)
				withColdStart(&w.Services[0], 100, 10)
			})
			c.from, c.to = 0, sec(15)
			return c
		}(),
		func() cell {
			c := trouble("deploy-5s", 0.6, func(w *simtest.World) { withColdStart(&w.Services[0], 100, 10) }, at(onset, simtest.Deploy("stock", 500*time.Millisecond)))
			c.to = sec(35)
			return c
		}(),
		trouble("crashloop-all", 0.3, nil, crash(10, 1, 10)...),
		trouble("crashloop-1", 0.4, nil, crash(3, 1, 1)...),
		trouble("unsafe-crash-30", 0.4, unsafe, crash(30, 1, 10)...),
		trouble("dead-blip", 0.4, nil, at(onset, simtest.Kill("stock", 0, 1, 2, 3)), at(30, simtest.AnswerWith("stock", oops, time.Millisecond)), at(32, simtest.AnswerWith("stock", nil, 0))),
		trouble("blip", 0.4, nil, at(30, simtest.AnswerWith("stock", oops, time.Millisecond)), at(32, simtest.AnswerWith("stock", nil, 0))),
		trouble("n1-restart", 0.4, size(1, 4, forty, 40, 1), at(onset, simtest.Kill("stock")), at(onset+5, simtest.Restart("stock"))),
		trouble("n2-restart", 0.4, size(2, 4, forty, 80, 1), at(onset, simtest.Kill("stock")), at(onset+5, simtest.Restart("stock"))),
		trouble("n1-slow", 0.5, size(1, 4, forty, 50, 1), at(onset, simtest.Slow("stock", 5)), at(onset+10, simtest.Heal("stock"))),
		trouble("n2-dead", 0.4, size(2, 4, forty, 80, 1), at(onset, simtest.Kill("stock", 0))),
		trouble("n3-hang", 0.5, size(3, 4, forty, 50, 1), at(onset, simtest.Hang("stock", 0)), at(relief, simtest.Heal("stock"))),
		trouble("hot-crash", 0.4, size(3, 4, simtest.Exponential(5*time.Millisecond, 5*time.Millisecond), 480, 0.05), crash(3, 1, 1)...),
		dead(1, 3), dead(2, 3), dead(3, 4), dead(8, 10), dead(9, 10),
		silent(1, 2), silent(2, 3), silent(5, 10), silent(8, 10),
		trouble("all-but-one-restart", 0.1, nil, at(onset, simtest.Kill("stock", 1, 2, 3, 4, 5, 6, 7, 8, 9)), at(onset+10, simtest.Restart("stock", 1, 2, 3, 4, 5, 6, 7, 8, 9))),
		trouble("500x1", 0.4, nil, at(onset, simtest.AnswerWith("stock", oops, 2*time.Millisecond, 3)), at(relief, simtest.AnswerWith("stock", nil, 0, 3))),
		trouble("500x5", 0.3, nil, at(onset, simtest.AnswerWith("stock", oops, 2*time.Millisecond, 0, 1, 2, 3, 4)), at(relief, simtest.AnswerWith("stock", nil, 0))),
		trouble("500x8", 0.15, nil, at(onset, simtest.AnswerWith("stock", oops, 2*time.Millisecond, 0, 1, 2, 3, 4, 5, 6, 7)), at(relief, simtest.AnswerWith("stock", nil, 0))),
		trouble("unsafe-500", 0.4, unsafe, at(onset, simtest.AnswerWith("stock", oops, 2*time.Millisecond, 3)), at(relief, simtest.AnswerWith("stock", nil, 0, 3))),
		// load
		bursts("bursts", 0.05, 5, 0.3),
		trouble("pauses", 0.6, nil, every(5, onset, relief, func(n int) simtest.Action { return simtest.Pause("stock", 200*time.Millisecond, n%10) })...),
		trouble("pauses-long", 0.6, nil, every(3, onset, relief, func(n int) simtest.Action { return simtest.Pause("stock", 1500*time.Millisecond, n%10) })...),
		trouble("stall-2s", 0.6, nil, every(15, onset, relief, func(int) simtest.Action { return simtest.Pause("stock", 2*time.Second) })...),
		shedding(full, 1.3), shedding(full, 2.5), shedding(fault.ResourceExhausted.Errorf("full"), 2.5),
		over("over-1.1", 1.1, nil), over("over-1.5", 1.5, nil), over("over-2", 2, nil), over("over-5", 5, nil), over("over-20", 20, nil),
		over("over-1.5-nodl", 1.5, wait(0)),
		over("unsafe-over", 1.5, unsafe),
		func() cell {
			c := trouble("over-from-start", 1.5, nil, at(40, simtest.Load("web", 500)))
			c.from, c.to = 0, sec(40)
			return c
		}(),
		trouble("hot-70", 0.7, size(3, 4, simtest.Exponential(5*time.Millisecond, 5*time.Millisecond), 840, 0.05)),
		trouble("hot-150", 0.7, size(3, 4, simtest.Exponential(5*time.Millisecond, 5*time.Millisecond), 720, 0.05), at(onset, simtest.Load("web", 1800)), at(relief, simtest.Load("web", 720))),
		func() cell {
			c := trouble("hasty", 0.5, func(w *simtest.World) {
				w.Clients[0].Middleware = func() []endpoint.Middleware {
					return []endpoint.Middleware{withShortDeadlines(0.9, 30*time.Millisecond)}
				}
			})
			return c
		}(),
		func() cell {
			c := trouble("batch-users-late", 0.2, func(w *simtest.World) {
				batch := w.Clients[0]
				batch.Name, batch.Rate, batch.Users, batch.Deadline = "batch", 0, 100, 0
				w.Clients = append(w.Clients, batch)
			})
			return c
		}(),
		func() cell {
			return trouble("batch-late", 0.2, func(w *simtest.World) {
				batch := w.Clients[0]
				batch.Name, batch.Rate, batch.Deadline = "batch", 0, 10*time.Second
				w.Clients = append(w.Clients, batch)
			}, at(onset, simtest.Load("batch", 1500)))
		}(),
		func() cell {
			c := trouble("noisy", 0.2, func(w *simtest.World) {
				other := w.Clients[0]
				other.Name, other.Rate = "other", 3*able
				w.Clients = append(w.Clients, other)
			})
			c.procs = [2]int{1, 1}
			return c
		}(),
		func() cell {
			return trouble("mixed-cost-over", 0.6, size(5, 4, simtest.Fixed(5*time.Millisecond).Sometimes(0.01, simtest.Fixed(500*time.Millisecond)), 1200, 1), at(onset, simtest.Load("web", 2600)), at(relief, simtest.Load("web", 1200)))
		}(),
		trouble("hardware-4x", 0.775, nil, at(0, simtest.Slow("stock", 4, 0, 1, 2))),
		func() cell {
			return trouble("tiers-err30", 0.2, func(w *simtest.World) {
				w.Services = []simtest.Service{tier("stock", "middle"), tier("middle", "bottom"), tier("bottom")}
			}, at(onset, simtest.Errors("bottom", 0.3)), at(relief, simtest.Errors("bottom", 0)))
		}(),
		func() cell {
			c := trouble("tiers-over", 0.5, func(w *simtest.World) {
				w.Services = []simtest.Service{tier("stock", "bottom"), tier("bottom")}
				w.Services[0].Workers = 400
				w.Clients[0].Rate = 2000
			}, at(onset, simtest.Load("web", 6000)), at(relief, simtest.Load("web", 2000)))
			return c
		}(),
	}
	return append(all, further()...)
}

// withShortDeadlines gives a share of the calls a short deadline.
func withShortDeadlines(share float64, deadline time.Duration) endpoint.Middleware {
	var n atomic.Int64
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			if float64(n.Add(1)%100) < 100*share {
				hurry, cancel := context.WithTimeout(ctx, deadline)
				defer cancel()
				ctx = hurry
			}
			return next(ctx, request)
		}
	}
}

// known are the cells in which naive clients are better, and by how many points. See
// docs/resilience.md.
var known = map[string][2]float64{
	"bursts":            {1.6, 1},
	"down-toggle-0.5s":  {6.7, 1},
	"down-toggle-3s":    {1.6, 1},
	"err-100-toggle-1s": {5.6, 3},
	"err-70-busy":       {1.5, 1},
	"n1-crashloop":      {2, 1.1},
	"n1-restart-20s":    {1.4, 1},
	"n1-hang-3s":        {2.1, 1},
	"stall-2s":          {1, 2.6},
}

// some are the worlds that go test plays, with one process: of each kind a cheap one.
// SINEW_WORLDS selects worlds by a regular expression; those are played with one process
// and with many.
const some = "calm|long-6s|err-60|route-60|tenant-burst|dead-8-of-10|hang-8-of-10|n1-restart|crashloop-all|hot-70|slower-7"

// With SINEW_WORLDS_TABLE the table of docs/resilience.md is appended to that file.
func TestTheDefaultsAreNoWorseThanNaiveClients(t *testing.T) {
	wanted, counts := os.Getenv("SINEW_WORLDS"), []int{0, 1}
	if wanted == "" {
		wanted, counts = some, []int{0}
	}
	if raced {
		wanted = "calm"
	}
	match := regexp.MustCompile("^(" + wanted + ")$")
	for _, c := range cells() {
		if !match.MatchString(c.name) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			line := "| " + c.name
			for _, k := range counts {
				processes := [2]int{1, 20}[k]
				if c.procs[k] > 0 {
					processes = c.procs[k]
				}
				plain, ours := simtest.Run(t, c.with(processes, naive)), simtest.Run(t, c.with(processes, sinew.ClientPolicy{}))
				line += fmt.Sprintf(" | %.1f → %.1f | %.1f → %.1f | %.2f → %.2f", 100*plain.Good(), 100*ours.Good(),
					100*plain.Good(c.from, c.to), 100*ours.Good(c.from, c.to), c.attempts(plain), c.attempts(ours))
				atLeast(t, fmt.Sprintf("good calls of %d processes, %%", processes), 100*ours.Good(), 100*plain.Good()-max(1, known[c.name][k]))
			}
			t.Log(line)
			c.note(t, line+" |\n")
		})
	}
}

// attempts is the number of attempts per call during the disturbance, at the last
// service.
func (c cell) attempts(r *simtest.Result) float64 {
	last := c.world.Services[len(c.world.Services)-1].Name
	return r.Attempts(last, c.from, c.to) / float64(max(r.Offered(c.from, c.to), 1))
}

// note adds a line to the table.
func (c cell) note(t *testing.T, line string) {
	t.Helper()
	name := os.Getenv("SINEW_WORLDS_TABLE")
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(line)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Error(err)
	}
}

// with is the world with this policy for all calls, and this many client processes.
func (c cell) with(processes int, p sinew.ClientPolicy) simtest.World {
	for _, again := range cells() { // with its own state for each run
		if again.name == c.name {
			c = again
		}
	}
	w := c.world
	config := sinew.Config{Clients: map[string]sinew.ClientPolicy{}}
	for _, s := range w.Services {
		config.Clients[s.Name] = p
	}
	for i := range w.Services {
		w.Services[i].Config = config
	}
	for i := range w.Clients {
		w.Clients[i].Processes, w.Clients[i].Config = processes, config
	}
	return w
}
