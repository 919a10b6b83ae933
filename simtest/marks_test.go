package simtest_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/simtest"
)

// log records what the parts of a world have seen, in order.
type log[T any] struct {
	mu  sync.Mutex
	all []T
}

func (l *log[T]) add(v T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, v)
}

// withAndWithoutCodec runs a world with and without the codec.
func withAndWithoutCodec(t *testing.T, do func(t *testing.T, codec bool)) {
	for name, codec := range map[string]bool{"codec": true, "no codec": false} {
		t.Run(name, func(t *testing.T) { do(t, codec) })
	}
}

// oneCall is a client that makes one call.
func oneCall(calls string, deadline time.Duration) simtest.Client {
	return simtest.Client{Calls: calls, Users: 1, Think: simtest.Fixed(600 * time.Millisecond), Deadline: deadline, Config: plain(calls)}
}

func TestOnlyWhatNoHandlerSawIsMarkedUnprocessed(t *testing.T) {
	refuse := func() []endpoint.Middleware {
		return []endpoint.Middleware{func(endpoint.Func) endpoint.Func {
			return func(context.Context, any) (any, error) {
				return nil, fault.ResourceExhausted.Errorf("too many").WithUnprocessed()
			}
		}}
	}
	for name, c := range map[string]struct {
		service     simtest.Service
		script      simtest.Action
		unprocessed bool
	}{
		"refused by a middleware": {simtest.Service{Middleware: refuse}, simtest.Slow("stock", 1), true},
		"refused connection":      {simtest.Service{}, simtest.Kill("stock"), true},
		"failed":                  {simtest.Service{Errors: 1}, simtest.Slow("stock", 1), false},
		"handler that says so": {simtest.Service{Do: func(context.Context, *simtest.Instance) error {
			return fault.Unavailable.Errorf("what I called was not there").WithUnprocessed()
		}}, simtest.Slow("stock", 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			withAndWithoutCodec(t, func(t *testing.T, codec bool) {
				var seen log[error]
				c.service.Name = "stock"
				client := oneCall("stock", 0)
				client.Middleware = func() []endpoint.Middleware {
					return []endpoint.Middleware{func(next endpoint.Func) endpoint.Func {
						return func(ctx context.Context, request any) (any, error) {
							answer, err := next(ctx, request)
							seen.add(err)
							return answer, err
						}
					}}
				}
				simtest.Run(t, simtest.World{
					For: time.Second, Codec: codec, Services: []simtest.Service{c.service}, Clients: []simtest.Client{client},
					Script: []simtest.Event{simtest.At(0, c.script)},
				})
				if len(seen.all) != 1 || seen.all[0] == nil || fault.IsUnprocessed(seen.all[0]) != c.unprocessed {
					t.Error(seen.all)
				}
			})
		})
	}
}

func TestMarksOfRepeatsTravelDownAndUp(t *testing.T) {
	withAndWithoutCodec(t, func(t *testing.T, codec bool) {
		var down log[bool]
		var up log[bool]
		retries := sinew.Config{Clients: map[string]sinew.ClientPolicy{"db": {Retry: retry.Policy{Attempts: 2}}, "mid": {Retry: retry.Policy{Attempts: 3}}}}
		client := oneCall("mid", 0)
		client.Config = retries
		client.Middleware = func() []endpoint.Middleware {
			return []endpoint.Middleware{func(next endpoint.Func) endpoint.Func {
				return func(ctx context.Context, request any) (any, error) {
					answer, err := next(ctx, request)
					up.add(fault.IsRepeated(err))
					return answer, err
				}
			}}
		}
		simtest.Run(t, simtest.World{
			For: time.Second, Codec: codec, Clients: []simtest.Client{client},
			Services: []simtest.Service{
				{Name: "mid", Config: retries, Calls: []string{"db"}},
				{Name: "db", Do: func(ctx context.Context, _ *simtest.Instance) error {
					down.add(call.Of(ctx).Repeated)
					return fault.Unavailable.Errorf("broken")
				}},
			},
		})
		// mid makes two attempts, the second with the mark; the client sees the mark in
		// the answer and makes none.
		if len(down.all) != 2 || down.all[0] || !down.all[1] {
			t.Errorf("db saw %v", down.all)
		}
		if len(up.all) != 1 || !up.all[0] {
			t.Errorf("the client saw %v", up.all)
		}
	})
}

func TestDeadlinesTravelDownTheTiers(t *testing.T) {
	withAndWithoutCodec(t, func(t *testing.T, codec bool) {
		var left log[time.Duration]
		see := func(ctx context.Context, i *simtest.Instance) error {
			until, ok := ctx.Deadline()
			if !ok {
				t.Error("no deadline")
			}
			left.add(time.Until(until))
			if err := i.Work(ctx, simtest.Fixed(100*time.Millisecond)); err != nil || i.Name == "db-0" {
				return err
			}
			return i.Call(ctx, "db", op)
		}
		simtest.Run(t, simtest.World{
			For: time.Second, Codec: codec, Clients: []simtest.Client{oneCall("mid", 300*time.Millisecond)},
			Services: []simtest.Service{{Name: "mid", Do: see}, {Name: "db", Do: see}},
		})
		mid := deadline.ForCallee(300 * time.Millisecond)
		for n, want := range []time.Duration{mid, deadline.ForCallee(mid - 100*time.Millisecond)} {
			if n >= len(left.all) || (left.all[n]-want).Abs() > time.Millisecond {
				t.Fatalf("left were %v, not %s", left.all, want)
			}
		}
	})
}

func TestContextEndsWhenTheCallerHasGoneAndTheWorkGoesOn(t *testing.T) {
	withAndWithoutCodec(t, func(t *testing.T, codec bool) {
		var ended, worked log[time.Duration]
		res := simtest.Run(t, simtest.World{
			For: time.Second, Codec: codec, Clients: []simtest.Client{oneCall("stock", 50*time.Millisecond)},
			Services: []simtest.Service{{Name: "stock", Do: func(ctx context.Context, i *simtest.Instance) error {
				began := time.Now()
				go func() {
					<-ctx.Done()
					ended.add(time.Since(began))
				}()
				err := i.Work(ctx, simtest.Fixed(200*time.Millisecond))
				worked.add(time.Since(began))
				return err
			}}},
		})
		given := deadline.ForCallee(50 * time.Millisecond)
		if len(ended.all) != 1 || (ended.all[0]-given).Abs() > time.Millisecond || worked.all[0].Round(time.Millisecond) != 200*time.Millisecond {
			t.Errorf("the context ended after %v, the work after %v", ended.all, worked.all)
		}
		if res.P99().Round(time.Millisecond) != 50*time.Millisecond || res.Failed() != 1 {
			t.Errorf("the caller waited %s: %v", res.P99(), res.Errors())
		}
	})
}

func TestContextEndsWhenTheCallerCancels(t *testing.T) {
	withAndWithoutCodec(t, func(t *testing.T, codec bool) {
		var ended log[time.Duration]
		client := oneCall("stock", 0)
		client.Middleware = func() []endpoint.Middleware {
			return []endpoint.Middleware{func(next endpoint.Func) endpoint.Func {
				return func(ctx context.Context, request any) (any, error) {
					ctx, cancel := context.WithCancel(ctx)
					defer time.AfterFunc(20*time.Millisecond, cancel).Stop()
					return next(ctx, request)
				}
			}}
		}
		simtest.Run(t, simtest.World{
			For: time.Second, Codec: codec, Clients: []simtest.Client{client},
			Services: []simtest.Service{{Name: "stock", StopsOnCancel: true, Do: func(ctx context.Context, i *simtest.Instance) error {
				began := time.Now()
				err := i.Work(ctx, simtest.Fixed(200*time.Millisecond))
				ended.add(time.Since(began))
				return err
			}}},
		})
		if len(ended.all) != 1 || ended.all[0].Round(time.Millisecond) != 20*time.Millisecond {
			t.Errorf("the work ended after %v", ended.all)
		}
	})
}
