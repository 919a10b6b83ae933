package retry_test

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/retry"
)

var errDown = fault.Unavailable.Errorf("down")

// attempts makes a call whose attempts all end with err, and counts them.
func attempts(ctx context.Context, r *retry.Retrier, safe bool, err error) (n int, last error) {
	last = r.Do(ctx, safe, func(_ context.Context, at int) error {
		if n++; n != at {
			return fault.Internal.Errorf("attempt %d calls itself %d", n, at)
		}
		return err
	})
	return n, last
}

func TestWhatIsRepeated(t *testing.T) {
	for name, tt := range map[string]struct {
		err          error
		safe, unsafe int
	}{
		"success":                     {nil, 1, 1},
		"failure":                     {errDown, 3, 1},
		"foreign error":               {errors.New("broken pipe"), 3, 1},
		"no handler ran":              {fault.Unavailable.Errorf("refused").WithUnprocessed(), 3, 3},
		"draining with a wait":        {fault.Unavailable.Errorf("draining").WithUnprocessed().WithRetryAfter(time.Second), 3, 3},
		"timeout of an attempt":       {fault.DeadlineExceeded, 3, 1},
		"canceled by the callee":      {fault.Canceled, 3, 1},
		"caller's mistake":            {fault.InvalidArgument, 1, 1},
		"not found":                   {fault.NotFound, 1, 1},
		"conflict":                    {fault.Aborted, 1, 1},
		"conflict with a wait":        {fault.Aborted.Errorf("in use").WithRetryAfter(time.Second), 3, 1},
		"quota":                       {fault.ResourceExhausted, 1, 1},
		"quota with a wait":           {fault.ResourceExhausted.Errorf("slow down").WithRetryAfter(time.Second), 3, 1},
		"quota refused before a run":  {fault.ResourceExhausted.Errorf("slow down").WithRetryAfter(time.Second).WithUnprocessed(), 3, 3},
		"overloaded":                  {fault.Unavailable.Errorf("full").WithReason("overloaded").WithUnprocessed(), 1, 1},
		"overloaded for a while":      {fault.Unavailable.Errorf("full").WithReason("overloaded").WithRetryAfter(time.Second).WithUnprocessed(), 3, 3},
		"lost data":                   {fault.DataLoss, 1, 1},
		"open breaker":                {fault.Unavailable.Errorf("open").WithReason("breaker_open").WithUnprocessed(), 1, 1},
		"repeated further down":       {fault.Unavailable.Errorf("down").WithRepeated(), 1, 1},
		"repeated and not even begun": {fault.Unavailable.Errorf("down").WithRepeated().WithUnprocessed(), 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := retry.New("orders", retry.Policy{Budget: retry.Budget{Disabled: true}})
				for safe, want := range map[bool]int{true: tt.safe, false: tt.unsafe} {
					n, err := attempts(t.Context(), r, safe, tt.err)
					if n != want {
						t.Errorf("safe %v: %d attempts, want %d", safe, n, want)
					}
					if fault.CodeOf(err) != fault.CodeOf(tt.err) {
						t.Errorf("ended with %v", err)
					}
					if n > 1 && !fault.IsRepeated(err) {
						t.Error("the error does not say that the call was repeated")
					}
				}
			})
		})
	}
}

func TestDisabledBudgetBoundsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("orders", retry.Policy{Budget: retry.Budget{Percent: 1, PerSecond: 1, Disabled: true}})
		for range 1000 {
			if n, _ := attempts(t.Context(), r, true, errDown); n != 3 {
				t.Fatalf("%d attempts of 3", n)
			}
		}
		if s := r.Snapshot(); s.Refused != 0 {
			t.Errorf("snapshot %+v", s)
		}
	})
}

func TestMiddlewareReadsFromTheRecordWhetherToRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, tt := range map[string]struct {
			call *call.Record
			want int
		}{
			"no record":        {nil, 3},
			"no operation":     {&call.Record{}, 3},
			"safe":             {&call.Record{Operation: call.Operation{Name: "get", Safe: true}}, 3},
			"unsafe":           {&call.Record{Operation: call.Operation{Name: "post"}}, 1},
			"repeated further": {&call.Record{Operation: call.Operation{Name: "get", Safe: true}, Repeated: true}, 1},
		} {
			ctx, n := t.Context(), 0
			if tt.call != nil {
				ctx = call.With(ctx, *tt.call)
			}
			ep := endpoint.New(func(ctx context.Context, _ int) (int, error) {
				n++
				if c := call.Of(ctx); c != nil && c.Attempt != n {
					t.Errorf("%s: attempt %d is recorded as %d", name, n, c.Attempt)
				}
				return 0, errDown
			}).With(retry.Policy{}.Middleware())
			if _, err := ep(ctx, 1); !errors.Is(err, fault.Unavailable) || n != tt.want {
				t.Errorf("%s: %d attempts, want %d (%v)", name, n, tt.want, err)
			}
		}
	})
}

func TestAHandlersCallsDoNotUseItsInboundRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inbound := call.Record{Operation: call.Operation{Name: "POST /orders"}, Start: time.Now(), Inbound: true, RequestID: "r-1"}
		ctx := call.With(t.Context(), inbound)
		record := call.Of(ctx)
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		bubble.Sleep(6 * time.Second) // no attempt took so long
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				n := 0
				ep := endpoint.New(func(ctx context.Context, _ int) (int, error) {
					n++
					if c := call.Of(ctx); n > 1 && (c == record || c.Attempt != n || c.RequestID != "r-1") {
						t.Errorf("attempt %d has the record %+v", n, *c)
					}
					return 0, errDown
				}).With(retry.Policy{}.Middleware())
				if _, _ = ep(ctx, 1); n != 3 {
					t.Errorf("%d attempts, want 3", n)
				}
			})
		}
		both.Wait()
		if !reflect.DeepEqual(*record, inbound) {
			t.Errorf("the record was %+v and is %+v", inbound, *record)
		}
	})
}

func TestARepeatedCallIsNotRepeatedByWhatItsHandlerCalls(t *testing.T) {
	ctx := call.With(t.Context(), call.Record{Operation: call.Operation{Name: "POST /orders"}, Inbound: true, Repeated: true})
	if n, _ := attempts(ctx, retry.New("orders", retry.Policy{}), true, errDown); n != 1 {
		t.Errorf("%d attempts", n)
	}
}

func TestARecordCanServeSeveralCallsInSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, record := callctx.With(t.Context(), call.Record{HashKey: "k"})
		n := 0
		ep := endpoint.New(func(ctx context.Context, _ int) (int, error) {
			n++
			record.Try("a")
			return 0, errDown
		}).With(retry.Policy{Budget: retry.Budget{Disabled: true}}.Middleware())
		for range 3 {
			_, _ = ep(ctx, 1)
		}
		if n != 9 || record.Attempt != 0 || len(record.Tried) != 0 {
			t.Errorf("%d attempts of three calls, and the record is %+v", n, *record)
		}
	})
}

func TestTiersDoNotMultiply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		tier := func() endpoint.Middleware {
			return retry.Policy{Attempts: 4, Budget: retry.Budget{Disabled: true}}.Middleware()
		}
		ep := endpoint.New(func(context.Context, int) (int, error) { n++; return 0, errDown }).With(tier(), tier(), tier())
		_, _ = ep(t.Context(), 1)
		if n != 4 {
			t.Errorf("three tiers of four made %d attempts", n)
		}
	})
}

func TestSetPreservesTheBudgetAndRefusesAnInvalidPolicy(t *testing.T) {
	r := retry.New("orders", retry.Policy{})
	_, _ = attempts(t.Context(), r, true, nil)
	for _, p := range []retry.Policy{{Attempts: -1}, {Backoff: 2, MaxBackoff: 1}, {Budget: retry.Budget{Percent: 101}}, {Budget: retry.Budget{PerSecond: -1}}} {
		if err := r.Set(p); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	if err := r.Set(retry.Policy{Disabled: true}); err != nil {
		t.Fatal(err)
	}
	if n, _ := attempts(t.Context(), r, true, errDown); n != 1 {
		t.Errorf("disabled, and %d attempts", n)
	}
	if s := r.Snapshot(); s.Calls != 2 {
		t.Errorf("%d calls counted over Set, want 2", s.Calls)
	}
}

func TestInvalidPolicyPanicsAtConstruction(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("taken")
		}
	}()
	retry.New("orders", retry.Policy{Attempts: -1})
}

func TestACallThatSucceedsAllocatesNothing(t *testing.T) {
	r := retry.New("orders", retry.Policy{})
	ep := r.Middleware()(func(context.Context, any) (any, error) { return nil, nil })
	recorded := call.With(t.Context(), call.Record{Operation: call.Operation{Name: "get", Safe: true}})
	limited, cancel := context.WithTimeout(recorded, time.Hour)
	defer cancel()
	for _, ctx := range []context.Context{t.Context(), recorded, limited} {
		n := 0
		for how, run := range map[string]func(){
			"Middleware": func() { _, _ = ep(ctx, nil) },
			"Do":         func() { _ = r.Do(ctx, true, func(context.Context, int) error { n++; return nil }) },
		} {
			if got := testing.AllocsPerRun(1000, run); got != 0 {
				t.Errorf("%s: %v allocations", how, got)
			}
		}
	}
}

func TestABreakerThatSoonAdmitsProbesIsTriedAgain(t *testing.T) {
	shut := func(wait time.Duration) error {
		return fault.Unavailable.Errorf("open").WithReason("breaker_open").WithRetryAfter(wait).WithUnprocessed()
	}
	relayed := shut(100 * time.Millisecond).(*fault.Error) //nolint:errorlint // it was made here
	relayed.Service, relayed.Relayed = "stock", true
	for name, tt := range map[string]struct {
		err           error
		opensFor      time.Duration
		answered      bool
		least, latest time.Duration // until the call ends
	}{
		"over in time":            {shut(100 * time.Millisecond), 100 * time.Millisecond, true, 100 * time.Millisecond, 150 * time.Millisecond},
		"over too late":           {shut(100 * time.Millisecond), time.Second, false, 100 * time.Millisecond, 150 * time.Millisecond},
		"long open":               {shut(time.Second), 150 * time.Millisecond, false, 0, 0},
		"somebody else's breaker": {relayed, 150 * time.Millisecond, false, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// Nothing is sent, so the budget does not pay.
				r := retry.New("orders", retry.Policy{Budget: retry.Budget{Percent: 1, PerSecond: 1e-9}})
				for range 20 {
					_, _ = attempts(t.Context(), r, true, errDown)
				}
				begun := time.Now()
				err := r.Do(t.Context(), false, func(_ context.Context, attempt int) error {
					if attempt != 1 {
						t.Errorf("attempt %d, though none was sent", attempt)
					}
					if time.Since(begun) < tt.opensFor {
						return tt.err
					}
					return nil
				})
				if took := time.Since(begun); (err == nil) != tt.answered || took < tt.least || took > tt.latest {
					t.Errorf("%v after %s", err, took)
				}
			})
		})
	}
}

func TestCallsThatWaitForABreakerDoNotReturnAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("orders", retry.Policy{Seed: 1})
		var mu sync.Mutex
		var wg sync.WaitGroup
		moments := map[time.Time]int{}
		begun := time.Now()
		for range 100 {
			wg.Go(func() {
				_ = r.Do(t.Context(), true, func(context.Context, int) error {
					if left := 100*time.Millisecond - time.Since(begun); left > 0 {
						return fault.Unavailable.Errorf("open").WithReason("breaker_open").WithRetryAfter(left).WithUnprocessed()
					}
					mu.Lock()
					defer mu.Unlock()
					moments[time.Now().Truncate(time.Millisecond)]++
					return nil
				})
			})
		}
		wg.Wait()
		for moment, n := range moments {
			if n > 20 {
				t.Errorf("%d of 100 calls come within a millisecond, after %s", n, moment.Sub(begun))
			}
		}
	})
}

func TestACallThatTheBudgetRefusedIsNotRepeatedByItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := retry.New("orders", retry.Policy{})
		for range 5 {
			_, _ = attempts(t.Context(), r, true, errDown)
		}
		n, err := attempts(t.Context(), r, true, errDown)
		if n != 1 || !fault.IsRepeated(err) || !errors.Is(err, fault.Unavailable) {
			t.Errorf("%d attempts, %#v", n, err)
		}
		if _, err = attempts(t.Context(), r, true, fault.NotFound); fault.IsRepeated(err) {
			t.Errorf("%#v", err)
		}
	})
}

func TestTiersMakeNoMoreThanTheFanOutAndTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls, fanOut = 2000, 3
		bottom := 0
		third := endpoint.New(func(context.Context, int) (int, error) { bottom++; return 0, errDown }).With(retry.Policy{}.Middleware())
		second := endpoint.New(func(ctx context.Context, i int) (int, error) {
			var errs error
			for range fanOut { // as a server: its calls have records of their own
				inbound := callctx.Outgoing(ctx, call.Operation{Name: "second"})
				inbound.Inbound = true
				ctx := call.With(ctx, inbound)
				_, err := third(ctx, i)
				errs = errors.Join(errs, err)
			}
			return 0, errs
		}).With(retry.Policy{}.Middleware())
		first := endpoint.New(func(ctx context.Context, i int) (int, error) { return second(ctx, i) }).With(retry.Policy{}.Middleware())
		for i := range calls {
			_, _ = first(t.Context(), i)
			bubble.Sleep(5 * time.Millisecond)
		}
		if most := calls * fanOut * (1 + 0.1); float64(bottom) > most || bottom < calls*fanOut {
			t.Errorf("%d attempts at the bottom of %d calls, at most %v", bottom, calls, most)
		}
	})
}

func BenchmarkMiddleware(b *testing.B) {
	ep := retry.Policy{}.Middleware()(func(context.Context, any) (any, error) { return nil, nil })
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = ep(ctx, nil)
	}
}

func BenchmarkDo(b *testing.B) {
	r, ctx := retry.New("orders", retry.Policy{}), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_ = r.Do(ctx, true, func(context.Context, int) error { return nil })
	}
}

func BenchmarkRepeatOnce(b *testing.B) {
	r := retry.New("orders", retry.Policy{Backoff: 1, MaxBackoff: 1, Budget: retry.Budget{Disabled: true}})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_ = r.Do(ctx, true, func(_ context.Context, n int) error {
			if n == 1 {
				return errDown
			}
			return nil
		})
	}
}

func BenchmarkRefusedByTheBudget(b *testing.B) {
	r, ctx := retry.New("orders", retry.Policy{}), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_ = r.Do(ctx, true, func(context.Context, int) error { return errDown })
	}
}

func BenchmarkRace(b *testing.B) {
	r, ctx := retry.New("orders", retry.Policy{}), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_ = r.Race(ctx, time.Hour, func(context.Context, int) error { return nil })
	}
}
