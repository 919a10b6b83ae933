package simtest_test

import (
	"context"
	"time"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/simtest"
)

// further are worlds of the same kinds with other sizes, shares and periods.
func further() []cell {
	answers := func(err error) func(int) simtest.Action {
		return func(int) simtest.Action { return simtest.AnswerWith("stock", err, time.Millisecond) }
	}
	// toggled is a disturbance that starts and ends periodically.
	toggled := func(name string, load, gap, lasts float64, on, off func(int) simtest.Action) cell {
		return trouble(name, load, nil, append(every(gap, onset, relief, on), every(gap, onset+lasts, relief+lasts, off)...)...)
	}
	lasting := func(d time.Duration) func(w *simtest.World) { return func(w *simtest.World) { w.For = d } }
	ends := func(seconds float64, c cell) cell { c.to = sec(seconds); return c }
	doubtful := func(s simtest.Service) simtest.Service {
		s.Middleware = func() []endpoint.Middleware { return []endpoint.Middleware{ignoreRepeatMark} }
		return s
	}
	deploy := func() (script []simtest.Event) {
		for i := range 10 {
			script = append(script, at(onset+float64(i), simtest.Kill("stock", i)), at(onset+float64(i), simtest.Add("stock", 1)))
		}
		return script
	}
	return []cell{
		// few calls, or many instances
		ends(600, trouble("0.1rps-500", 0, changed(size(3, 4, forty, 0.1, 1), lasting(time.Hour)), at(onset, simtest.AnswerWith("stock", oops, 2*time.Millisecond, 0)))),
		ends(600, trouble("1rps-hang", 0, changed(size(5, 4, forty, 1, 1), lasting(10*time.Minute)), at(onset, simtest.Hang("stock", 0)))),
		ends(300, trouble("2rps-500", 0, changed(size(10, 4, forty, 2, 1), lasting(5*time.Minute)), at(onset, simtest.AnswerWith("stock", oops, time.Millisecond, 0, 1, 2, 3)))),
		trouble("n50-hang5", 0, size(50, 4, forty, 400, 1), at(onset, simtest.Hang("stock", 0, 1, 2, 3, 4)), at(relief, simtest.Heal("stock"))),
		// some instances are bad
		ends(60, trouble("canary-bad", 0.4, nil, at(onset, simtest.Add("stock", 1)), at(onset+0.1, simtest.AnswerWith("stock", oops, 2*time.Millisecond, 10)))),
		trouble("nodl-hang", 0.6, wait(0), at(onset, simtest.Hang("stock", 3)), at(relief, simtest.Heal("stock"))),
		trouble("zone-over", 0, size(9, 4, forty, 675, 1), at(onset, simtest.Hang("stock", 0, 1, 2)), at(relief, simtest.Heal("stock"))),
		trouble("gc-long", 0.6, nil, every(3, 1, 60, func(n int) simtest.Action { return simtest.Pause("stock", 1500*time.Millisecond, n*7%10) })...),
		// instances that start and end
		ends(onset+16, trouble("news-deploy", 0.45, func(w *simtest.World) { w.Expiry = 5500 * time.Millisecond }, deploy()...)),
		trouble("registry-flaps", 0.4, nil, append(append(
			every(2, 10, 50, func(int) simtest.Action { return simtest.RegistryDown() }),
			every(2, 11, 51, func(int) simtest.Action { return simtest.RegistryUp() })...), at(onset, simtest.Deploy("stock", 3*time.Second)))...),
		trouble("deploy-cold-slowly", 0.5, func(w *simtest.World) { withColdStart(&w.Services[0], 50, 20) }, at(onset, simtest.Deploy("stock", 3*time.Second))),
		toggled("crash-9-together", 0.08, 4, 2, func(int) simtest.Action { return simtest.Kill("stock", first(9)...) }, func(int) simtest.Action { return simtest.Restart("stock", first(9)...) }),
		func() cell {
			c := toggled("n1-crashloop", 0, 4, 1, func(int) simtest.Action { return simtest.Kill("stock") }, func(int) simtest.Action { return simtest.Restart("stock") })
			size(1, 4, forty, 40, 1)(&c.world)
			return c
		}(),
		trouble("n1-restart-20s", 0, size(1, 4, forty, 40, 1), at(onset, simtest.Kill("stock")), at(onset+20, simtest.Restart("stock"))),
		trouble("n1-hang-3s", 0, size(1, 4, forty, 40, 1), at(onset, simtest.Hang("stock")), at(onset+3, simtest.Heal("stock"))),
		trouble("all-hang-3s", 0.4, nil, at(onset, simtest.Hang("stock")), at(onset+3, simtest.Heal("stock"))),
		// errors that start and end
		toggled("down-toggle-0.5s", 0.3, 1, 0.5, answers(oops), answers(nil)),
		toggled("down-toggle-3s", 0.3, 6, 3, answers(oops), answers(nil)),
		toggled("err-100-toggle-1s", 0.3, 2, 1, func(int) simtest.Action { return simtest.Errors("stock", 1) }, func(int) simtest.Action { return simtest.Errors("stock", 0) }),
		toggled("blips-many", 0.4, 3, 0.3, answers(oops), answers(nil)),
		// errors close to the capacity
		trouble("err-30-slow", 0.3, withDo(func(ctx context.Context, i *simtest.Instance) error {
			if since := time.Since(runStart).Seconds(); since < onset || since >= relief || i.Draw() >= 0.3 {
				return i.Work(ctx, forty)
			}
			if err := i.Work(ctx, simtest.Fixed(300*time.Millisecond)); err != nil {
				return err
			}
			return oops
		})),
		trouble("err-70-busy", 0.45, nil, at(onset, simtest.Errors("stock", 0.7)), at(relief, simtest.Heal("stock"))),
		trouble("tiers-err30-untrusted", 0.2, func(w *simtest.World) {
			w.Services = []simtest.Service{doubtful(tier("stock", "middle")), doubtful(tier("middle", "bottom")), doubtful(tier("bottom"))}
		}, at(onset, simtest.Errors("bottom", 0.3)), at(relief, simtest.Errors("bottom", 0))),
		trouble("unsafe-lost", 0.4, changed(unsafe, func(w *simtest.World) {
			w.Network = simtest.Fixed(0).Sometimes(0.005, simtest.Fixed(time.Minute))
		})),
		trouble("optional-dead", 0.3, func(w *simtest.World) {
			w.Services = append(w.Services, simtest.Service{Name: "extra", Instances: 3, Workers: 4, Latency: work})
			withDo(func(ctx context.Context, i *simtest.Instance) error {
				if err := i.Work(ctx, forty); err != nil {
					return err
				}
				_ = i.Call(ctx, "extra", call.Operation{Name: "call", Safe: true}) // there is a fallback
				return nil
			})(w)
		}, at(onset, simtest.Kill("extra")), at(relief, simtest.Restart("extra"))),
		// load
		bursts("bursts-2x", 0.3, 2, 1), bursts("bursts-10x", 0.1, 10, 0.1),
		trouble("brownout-1.3-over", 0, size(3, 4, forty, 255, 1), at(onset, simtest.Slow("stock", 1.3)), at(relief, simtest.Heal("stock"))),
		trouble("two-speeds-full", 0, changed(size(10, 8, forty, 100, 5), func(w *simtest.World) { w.Clients[0].Operation = route(4) }, withDo(func(ctx context.Context, i *simtest.Instance) error {
			if operationOf(ctx) == "route 0" {
				return i.Work(ctx, simtest.Exponential(time.Second, time.Second))
			}
			return i.Work(ctx, forty)
		}))),
		trouble("foreign-noqueue", 0.5, func(w *simtest.World) {
			w.Services[0].Queue = -1
			w.Services[0].Middleware = func() []endpoint.Middleware {
				return []endpoint.Middleware{answerInsteadOf(fault.Unavailable.Errorf("full"))}
			}
		}, at(onset, simtest.Load("web", 0.9*able)), at(relief, simtest.Load("web", 0.5*able))),
	}
}

// ignoreRepeatMark ignores the mark that a request is a repeat.
func ignoreRepeatMark(next kitendpoint.Endpoint) kitendpoint.Endpoint {
	return func(ctx context.Context, request any) (any, error) {
		call.Of(ctx).Repeated = false
		return next(ctx, request)
	}
}
