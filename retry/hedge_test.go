package retry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/retry"
)

const ms = time.Millisecond

// hedged returns a retrier that hedges what takes longer than 10 ms, without a limit.
func hedged() *retry.Retrier {
	return retry.New("orders", retry.Policy{
		Budget: retry.Budget{Disabled: true}, Hedge: retry.Hedge{Percent: 100, After: 10 * ms},
	})
}

// sleepOrEnd waits and returns err, or ends early with its context's error.
func sleepOrEnd(ctx context.Context, d time.Duration, err error) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return err
	}
}

var errTaken = fault.Aborted.Errorf("in use").WithReason("key_in_use")

func TestTheFirstSuccessOfTwoAttemptsCountsAndAFailureWaits(t *testing.T) {
	never := time.Hour
	for name, tt := range map[string]struct {
		took   [2]time.Duration
		errs   [2]error
		want   error
		ended  time.Duration
		begun  int
		gaveUp string // the attempts that were cancelled
	}{
		"the first is quick":                      {[2]time.Duration{9 * ms, 0}, [2]error{}, nil, 9 * ms, 1, ""},
		"the first fails at once":                 {[2]time.Duration{9 * ms, 0}, [2]error{errTaken}, errTaken, 9 * ms, 1, ""},
		"the second wins":                         {[2]time.Duration{never, 5 * ms}, [2]error{}, nil, 15 * ms, 2, "1"},
		"the first wins":                          {[2]time.Duration{12 * ms, never}, [2]error{}, nil, 12 * ms, 2, "2"},
		"the first fails and the second succeeds": {[2]time.Duration{12 * ms, 20 * ms}, [2]error{errDown}, nil, 30 * ms, 2, ""},
		"the second fails and the first succeeds": {[2]time.Duration{40 * ms, 5 * ms}, [2]error{nil, errDown}, nil, 40 * ms, 2, ""},
		"the second is refused as a double":       {[2]time.Duration{40 * ms, 1 * ms}, [2]error{errDown, errTaken}, errDown, 40 * ms, 2, ""},
		"the first is refused as a double":        {[2]time.Duration{11 * ms, 20 * ms}, [2]error{errTaken, nil}, nil, 30 * ms, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun, ended, start := atomic.Int32{}, atomic.Int32{}, time.Now()
				var lock sync.Mutex
				gaveUp := ""
				err := hedged().Race(t.Context(), 0, func(ctx context.Context, n int) error {
					begun.Add(1)
					defer ended.Add(1)
					err := sleepOrEnd(ctx, tt.took[n-1], tt.errs[n-1])
					if ctx.Err() != nil {
						lock.Lock()
						defer lock.Unlock()
						gaveUp += fmt.Sprint(n)
					}
					return err
				})
				if !errors.Is(err, tt.want) || time.Since(start) != tt.ended || int(begun.Load()) != tt.begun || ended.Load() != begun.Load() || gaveUp != tt.gaveUp {
					t.Errorf("%v after %s, %d begun, %d ended, %q gave up", err, time.Since(start), begun.Load(), ended.Load(), gaveUp)
				}
			})
		})
	}
}

func TestRaceWaitsForTheLosingAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, over := time.Now(), false
		err := hedged().Race(t.Context(), 0, func(_ context.Context, n int) error {
			if n == 2 {
				bubble.Sleep(50 * ms) // ignores its context
				over = true
			} else {
				bubble.Sleep(20 * ms)
			}
			return nil
		})
		if err != nil || !over || time.Since(start) != 60*ms {
			t.Errorf("%v after %s, over %v", err, time.Since(start), over)
		}
	})
}

func TestARaceMatchesItsReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var took [2]time.Duration
		var fails [2]bool
		for i := range took { // at distinct instants
			took[i] = time.Duration(rapid.IntRange(0, 60).Draw(rt, "took"))*ms + time.Duration(i+1)*ms/3
			fails[i] = rapid.Bool().Draw(rt, "fails")
		}
		give := time.Duration(rapid.IntRange(1, 90).Draw(rt, "the caller's patience"))*ms - ms/7
		ends := [2]time.Duration{took[0], 10*ms + took[1]}
		won := func(i int) bool { return !fails[i] && ends[i] < give }
		want, fine := min(ends[0], give), won(0)
		if both := took[0] > 10*ms && give > 10*ms; both {
			switch {
			case won(0) && won(1):
				want = min(ends[0], ends[1])
			case won(1):
				want, fine = ends[1], true
			case !won(0):
				want = min(max(ends[0], ends[1]), give)
			}
		}
		var err error
		var after time.Duration
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), give)
			defer cancel()
			start := time.Now()
			err = hedged().Race(ctx, 0, func(ctx context.Context, n int) error {
				if fails[n-1] {
					return sleepOrEnd(ctx, took[n-1], errDown)
				}
				return sleepOrEnd(ctx, took[n-1], nil)
			})
			after = time.Since(start)
		})
		if (err == nil) != fine || after != want {
			rt.Fatalf("took %v, fails %v, patience %s: %v after %s, want success %v after %s", took, fails, give, err, after, fine, want)
		}
	})
}

func TestOnlySafeOperationsAreHedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tt := range map[string]struct {
			call   *call.Record
			policy retry.Policy
			want   int32
		}{
			"no record": {nil, retry.Policy{}, 2},
			"safe":      {&call.Record{Operation: call.Operation{Name: "get", Safe: true}}, retry.Policy{}, 2},
			"unsafe":    {&call.Record{Operation: call.Operation{Name: "post"}}, retry.Policy{}, 1},
			"a repeat":  {&call.Record{Operation: call.Operation{Name: "get", Safe: true}, Attempt: 2}, retry.Policy{}, 1},
			"repeated":  {&call.Record{Operation: call.Operation{Name: "get", Safe: true}, Repeated: true}, retry.Policy{}, 1},
			"disabled":  {nil, retry.Policy{Disabled: true}, 1},
			"attempts":  {nil, retry.Policy{Attempts: 1}, 1},
		} {
			ctx := t.Context()
			if tt.call != nil {
				ctx = call.With(ctx, *tt.call)
			}
			tt.policy.Hedge = retry.Hedge{Percent: 100, After: 10 * ms}
			var n atomic.Int32
			ep := endpoint.New(func(ctx context.Context, _ int) (int, error) {
				n.Add(1)
				return 1, sleepOrEnd(ctx, 20*ms, nil)
			}).With(tt.policy.Middleware())
			if _, err := ep(ctx, 1); err != nil || n.Load() != tt.want {
				t.Errorf("%s: %d attempts, %v", name, n.Load(), err)
			}
		}
	})
}

func TestAZeroHedgeHedgesNothingAndRaceStillDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("orders", retry.Policy{})
		for after, want := range map[time.Duration]int32{0: 1, ms: 2} {
			var n atomic.Int32
			_ = r.Race(t.Context(), after, func(ctx context.Context, _ int) error {
				n.Add(1)
				return sleepOrEnd(ctx, time.Minute, nil)
			})
			if n.Load() != want {
				t.Errorf("after %s: %d attempts", after, n.Load())
			}
		}
	})
}

func TestAnExhaustedBudgetNeverFailsTheFirstAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("orders", retry.Policy{Hedge: retry.Hedge{Percent: 100, After: 10 * ms}})
		for range 10 {
			_, _ = attempts(t.Context(), r, true, errDown)
		}
		before := r.Snapshot()
		ep := endpoint.New(func(context.Context, int) (int, error) { bubble.Sleep(20 * ms); return 7, nil }).With(r.Middleware())
		for range 10 {
			if got, err := ep(t.Context(), 1); got != 7 || err != nil {
				t.Errorf("%d, %v", got, err)
			}
		}
		if s := r.Snapshot(); s.Hedges > 2 || s.Refused < before.Refused+8 {
			t.Errorf("%+v", s)
		}
	})
}

func TestRepeatsAndHedgesShareOneBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("orders", retry.Policy{Hedge: retry.Hedge{Percent: 100, After: ms}})
		ep := endpoint.New(func(ctx context.Context, fails bool) (int, error) {
			if fails {
				return 0, errDown
			}
			return 0, sleepOrEnd(ctx, 2*ms, nil)
		}).With(r.Middleware())
		start := time.Now()
		for i := range 1000 {
			_, _ = ep(t.Context(), i%40 < 20)
		}
		s := r.Snapshot()
		if s.Repeats < 20 || s.Hedges < 20 || float64(s.Repeats+s.Hedges) > 100+0.1*1000+time.Since(start).Seconds()+2 { // 100 are saved
			t.Errorf("%+v", s)
		}
	})
}

func TestTheSecondAttemptHasARecordOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, record := callctx.With(t.Context(), call.Record{Operation: call.Operation{Name: "get", Safe: true}, RequestID: "r-1", HashKey: "k"})
		ep := endpoint.New(func(ctx context.Context, _ int) (string, error) {
			c := callctx.Of(ctx)
			n := c.Attempt
			if n == 2 && (c == record || fmt.Sprint(c.Tried) != "[a]" || c.RequestID != "r-1" || c.HashKey != "k" || !callctx.Outgoing(ctx, call.Operation{}).Repeated) {
				t.Errorf("attempt %d has %+v", n, c.Record)
			}
			c.Try(string(rune('a' + n - 1)))
			for range 100 {
				c.Addr = fmt.Sprint(n)
				if err := sleepOrEnd(ctx, ms, nil); err != nil {
					return "", err
				}
				if c.Addr != fmt.Sprint(n) {
					t.Error("the record is shared")
				}
			}
			return c.Addr, fault.Unavailable
		}).With(hedged().Middleware(), seesBoth(t, record))
		if _, err := ep(ctx, 1); !fault.IsRepeated(err) {
			t.Errorf("%v", err)
		}
		if record.Attempt != 0 || len(record.Tried) != 0 {
			t.Errorf("the record is left as %+v", record.Record)
		}
	})
}

// seesBoth checks whether there is a third attempt, and whether it knows both instances
// that were tried before.
func seesBoth(t *testing.T, record *callctx.Call) endpoint.Middleware {
	seen := false
	t.Cleanup(func() {
		if !seen {
			t.Error("no third attempt knew both instances that were tried")
		}
	})
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			if c := callctx.Of(ctx); c.Attempt == 3 {
				seen = c == record && fmt.Sprint(slices.Sorted(slices.Values(c.Tried))) == "[a b]"
			}
			return next(ctx, request)
		}
	}
}

func TestTheLosingAttemptIsNoFailureOfItsCallee(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, caller := range []context.Context{nil, t.Context()} {
			for slow := 1; slow <= 2; slow++ {
				ctx, record := callctx.With(t.Context(), call.Record{Operation: call.Operation{Name: "get", Safe: true}})
				record.SetCaller(caller)
				outcomes := [3]fault.Outcome{}
				_ = hedged().Race(ctx, 0, func(ctx context.Context, n int) error {
					took := 15 * ms
					if n == slow {
						took = time.Hour
					}
					err := sleepOrEnd(ctx, took, nil)
					outcomes[n] = fault.Judge(callctx.CallerOf(ctx), err).Outcome()
					return err
				})
				if outcomes[slow] != fault.Ignored || outcomes[3-slow] != fault.Success || record.Caller() != caller {
					t.Errorf("caller %v, %d is slow: %v", caller != nil, slow, outcomes)
				}
			}
		}
	})
}

func TestATimeoutOfOurOwnIsStillAFailureInARace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited, cancel := context.WithTimeout(t.Context(), 50*ms)
		defer cancel()
		ctx, c := callctx.With(limited, call.Record{Operation: call.Operation{Name: "get", Safe: true}})
		c.SetCaller(t.Context())
		var failures atomic.Int32
		err := hedged().Race(ctx, 0, func(ctx context.Context, _ int) error {
			err := sleepOrEnd(ctx, time.Hour, nil)
			if fault.Judge(callctx.CallerOf(ctx), err).Outcome() == fault.Failure {
				failures.Add(1)
			}
			return err
		})
		if !errors.Is(err, context.DeadlineExceeded) || failures.Load() != 2 {
			t.Errorf("%v, %d failures", err, failures.Load())
		}
	})
}

func TestAPanicOfEitherAttemptReachesTheCaller(t *testing.T) {
	for panics := 1; panics <= 2; panics++ {
		synctest.Test(t, func(t *testing.T) {
			others := make(chan error, 1)
			defer func() {
				if p := recover(); p != "oh" {
					t.Errorf("attempt %d: recovered %v", panics, p)
				}
				if err := <-others; err == nil {
					t.Error("the other one was not cancelled")
				}
			}()
			_ = hedged().Race(t.Context(), 0, func(ctx context.Context, n int) error {
				if n == panics {
					bubble.Sleep(20 * ms)
					panic("oh")
				}
				err := sleepOrEnd(ctx, time.Hour, nil)
				others <- err
				return err
			})
		})
	}
}

func TestAnAttemptThatEndsItsGoroutineIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := hedged().Race(t.Context(), 0, func(ctx context.Context, n int) error {
			if n == 2 {
				runtime.Goexit()
			}
			return sleepOrEnd(ctx, 20*ms, errDown)
		})
		if !errors.Is(err, errDown) {
			t.Error(err)
		}
	})
}

func TestARaceInARaceMakesNoFurtherAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, other := hedged(), hedged()
		var n, m atomic.Int32
		_ = r.Race(t.Context(), 0, func(ctx context.Context, _ int) error {
			return r.Race(ctx, ms, func(ctx context.Context, _ int) error {
				n.Add(1)
				return sleepOrEnd(ctx, time.Second, nil)
			})
		})
		_ = r.Do(t.Context(), true, func(context.Context, int) error { return nil }) // which earns the next one
		_ = r.Race(t.Context(), 0, func(ctx context.Context, at int) error {         // of another callee
			return other.Race(ctx, ms, func(ctx context.Context, _ int) error {
				m.Add(int32(at)) //nolint:gosec // 1 or 2
				return sleepOrEnd(ctx, time.Second, nil)
			})
		})
		if n.Load() != 2 || m.Load() != 1+1+2 { // it is not hedged in a repeat
			t.Errorf("%d, %d", n.Load(), m.Load())
		}
	})
}

func TestARaceCountsAsTwoAttemptsOfDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, record := callctx.With(t.Context(), call.Record{Operation: call.Operation{Name: "get", Safe: true}})
		r := hedged()
		for range 2 {
			var n atomic.Int32
			err := r.Do(ctx, true, func(ctx context.Context, _ int) error {
				return r.Race(ctx, 0, func(ctx context.Context, _ int) error {
					n.Add(1)
					return sleepOrEnd(ctx, 20*ms, errDown)
				})
			})
			if n.Load() != 3 || !fault.IsRepeated(err) || record.Attempt != 0 {
				t.Errorf("%d attempts, %v, and the record has %d", n.Load(), err, record.Attempt)
			}
		}
	})
}

func TestARequestToWaitEndsTheHedging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		start := time.Now()
		ep := endpoint.New(func(ctx context.Context, _ int) (int, error) {
			if n.Add(1) == 1 {
				return 0, fault.Unavailable.Errorf("draining").WithRetryAfter(time.Second)
			}
			return 1, sleepOrEnd(ctx, 500*ms, nil)
		}).With(hedged().Middleware())
		if _, err := ep(t.Context(), 1); err != nil || n.Load() != 2 || time.Since(start) != 1500*ms {
			t.Errorf("%d attempts in %s: %v", n.Load(), time.Since(start), err)
		}
	})
}

func TestTheLosersResponseIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type answer struct{ from int }
		for slow := 1; slow <= 2; slow++ {
			var n atomic.Int32
			ep := endpoint.New(func(context.Context, int) (*answer, error) {
				a := &answer{int(n.Add(1))}
				took := 15 * ms
				if a.from == slow {
					took = 100 * ms // and succeeds, whatever its context says
				}
				bubble.Sleep(took)
				return a, nil
			}).With(hedged().Middleware())
			got, err := ep(t.Context(), 1)
			if err != nil || got == nil {
				t.Errorf("%v, %v", got, err)
			}
		}
	})
}

func TestHedgesRemoveOnePercentOfSlowCallsAtLittleCost(t *testing.T) {
	run := func(hedge retry.Hedge) (p999 time.Duration, extra float64) {
		synctest.Test(t, func(t *testing.T) {
			draw := rand.New(rand.NewPCG(3, 9)) //nolint:gosec // the same each time
			r := retry.New("orders", retry.Policy{Hedge: hedge, Seed: 1})
			var lock sync.Mutex
			var took []time.Duration
			sent := 0
			ep := endpoint.New(func(ctx context.Context, _ int) (int, error) {
				lock.Lock()
				sent++
				d := time.Duration((8 + 4*draw.ExpFloat64()) * float64(ms))
				if draw.IntN(100) == 0 {
					d *= 50
				}
				lock.Unlock()
				return 0, sleepOrEnd(ctx, d, nil)
			}).With(r.Middleware())
			var all sync.WaitGroup
			const calls = 20_000
			for i := range calls {
				bubble.Sleep(5 * ms)
				all.Go(func() {
					start := time.Now()
					if _, err := ep(t.Context(), 1); err != nil {
						t.Error(err)
					}
					lock.Lock()
					defer lock.Unlock()
					if i >= 2000 { // enough samples
						took = append(took, time.Since(start))
					}
				})
			}
			all.Wait()
			slices.Sort(took)
			p999, extra = took[len(took)*999/1000], float64(sent)/calls-1
		})
		return p999, extra
	}
	without, none := run(retry.Hedge{})
	with, extra := run(retry.Hedge{Percent: 2})
	t.Logf("p99.9 %s without and %s with, extra load %.4f", without, with, extra)
	if none != 0 || with > without/5 || extra > 0.021 {
		t.Errorf("p99.9 %s without and %s with, extra load %.4f", without, with, extra)
	}
}

func TestAValueOfOneCallIsNeverSeenByAnother(t *testing.T) {
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		ep := endpoint.New(func(ctx context.Context, id int) (int, error) {
			if ctx.Value(key{}) != id {
				t.Errorf("call %d sees the value %v", id, ctx.Value(key{}))
			}
			return id, sleepOrEnd(ctx, time.Duration(id%25)*ms, nil)
		}).With(hedged().Middleware())
		var all sync.WaitGroup
		for id := range 200 {
			all.Go(func() {
				if got, err := ep(context.WithValue(t.Context(), key{}, id), id); got != id || err != nil {
					t.Errorf("call %d got %d, %v", id, got, err)
				}
			})
		}
		all.Wait()
	})
}

func TestTheWinnersResponseCanBeReadAfterTheRace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type body struct{ text io.Reader }
		ep := endpoint.New(func(ctx context.Context, _ int) (*body, error) {
			if call.Of(ctx).Attempt == 1 {
				return nil, sleepOrEnd(ctx, time.Hour, nil)
			}
			text, err := io.ReadAll(strings.NewReader("whole")) // a send reads it all, see call.Caller
			return &body{strings.NewReader(string(text))}, errors.Join(err, sleepOrEnd(ctx, ms, nil))
		}).With(hedged().Middleware())
		got, err := ep(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		bubble.Sleep(time.Hour)
		if text, err := io.ReadAll(got.text); string(text) != "whole" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
	})
}

func TestManyCallsInOneContextLeakNothing(t *testing.T) {
	parent, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := retry.New("orders", retry.Policy{Budget: retry.Budget{Disabled: true}, Hedge: retry.Hedge{Percent: 100, After: time.Hour}})
	plain := retry.New("orders", retry.Policy{})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range 1_000_000 {
		if i%10 == 0 {
			_ = r.Race(parent, 0, func(ctx context.Context, _ int) error { _ = ctx.Done(); return nil })
		}
		_ = plain.Do(parent, true, func(context.Context, int) error { return nil })
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 5<<20 { //nolint:gosec // no such heap
		t.Errorf("a million calls left %d bytes", grown)
	}
}
