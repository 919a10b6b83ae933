package callctx_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/callctx"
)

func TestElapsedAndCallerOfAreThoseOfTheCallThatIsBeingMade(t *testing.T) {
	start := time.Now()
	own, cancel := context.WithCancel(t.Context())
	defer cancel()
	made := callctx.Begin[struct{}](own, call.Operation{}, start.Add(time.Hour), start.Add(2*time.Hour))
	served := call.With(made, call.Record{Inbound: true})
	byHand := call.With(made, call.Record{})

	for _, tt := range []struct {
		name    string
		ctx     context.Context
		stamped bool
		caller  context.Context
	}{
		{"no record", own, false, own},
		{"a call that is made", made, true, own},
		{"a record by hand in it", byHand, false, byHand},
		{"a call being served in it", served, false, served},
	} {
		if got := callctx.Elapsed(tt.ctx, start); (got == time.Hour) != tt.stamped {
			t.Errorf("%s: %s elapsed, by the call's reading of the clock: want %v", tt.name, got, tt.stamped)
		}
		if callctx.CallerOf(tt.ctx) != tt.caller {
			t.Errorf("%s: the caller is another", tt.name)
		}
	}
}

func TestACallThatHasWaitedReadsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx := callctx.Begin[struct{}](t.Context(), call.Operation{}, start, start.Add(time.Hour))
		defer ctx.Stop()
		ctx.Call.Waited()
		bubble.Sleep(time.Second)
		if got := callctx.Elapsed(ctx, start); got != time.Second {
			t.Errorf("after a wait of a second %s have elapsed", got)
		}
		ctx.Call.ReadClock()
		if got := callctx.Now(ctx).Sub(start); got != time.Second {
			t.Errorf("the new reading is %s after the start, want 1s", got)
		}
	})
}

func TestTheFirstSpanOfACallCostsNoAllocation(t *testing.T) {
	start := time.Now()
	if got := testing.AllocsPerRun(100, func() {
		ctx := callctx.Begin[[3]uint64](t.Context(), call.Operation{}, start, start.Add(time.Hour))
		if ctx.WithSpan([3]uint64{1}) == nil || ctx.WithSpan([3]uint64{2}) != nil {
			t.Error("a call has room for one span")
		}
		ctx.Stop()
	}); got != 1 {
		t.Errorf("a call with its deadline, its record and a span costs %v allocations, want 1", got)
	}
}

func TestACallThatAwaitsABreakerIsJudgedAsOfItsRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx := callctx.Begin[struct{}](t.Context(), call.Operation{}, start, start.Add(time.Hour))
		defer ctx.Stop()
		for range 2 { // it may be refused again
			ctx.Call.AwaitBreaker()
			bubble.Sleep(time.Second)
		}
		if got := callctx.BreakerElapsed(ctx, start); got != 0 {
			t.Errorf("the breaker judges it %s after its refusal, want at once", got)
		}
		if got := callctx.Elapsed(ctx, start); got != 2*time.Second {
			t.Errorf("for all others %s have elapsed, want 2s", got)
		}
		ctx.Call.StartAttempt(2)
		if got := callctx.BreakerElapsed(ctx, start); got != 2*time.Second {
			t.Errorf("the next attempt is judged after %s, want 2s", got)
		}
	})
}
