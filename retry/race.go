package retry

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// Race makes an attempt and, if that has not ended after this time and the budget
// allows, a second one at the same time: for an attempt that is known to be at
// risk, whatever Policy.Hedge says. The operation must be safe to repeat. The
// first runs in the caller's goroutine with the number 1, the second in another
// with the number 2 and a record of its own; each has a context of its own. The
// first success counts, and the other attempt is cancelled; a failure waits for
// the other. Of two failures the first attempt's is returned. Both have ended
// when Race returns.
//
// An attempt of [Retrier.Do] may be a race. One that is hedged already, or is a
// repeat, is made as it is.
func (r *Retrier) Race(ctx context.Context, after time.Duration, attempt func(ctx context.Context, n int) error) error {
	p := allowed(ctx, r.policy.Load())
	if p.Attempts < 2 || r.racing(ctx) {
		return attempt(ctx, 1)
	}
	_, _, err := r.race(&race{ctx: ctx, policy: p, number: 1, attempt: attempt}, after)
	return err
}

// race is two attempts of which one counts.
type race struct {
	*Retrier
	ctx     context.Context
	policy  *Policy
	hedge   bool // Policy.Hedge asks for it
	number  int  // of the first
	attempt func(ctx context.Context, n int) error
	record  func() endpoint.Call    // of the second
	stop    context.CancelCauseFunc // of the first

	mu     sync.Mutex
	over   bool                    // the first has ended
	cancel context.CancelCauseFunc // of the second, nil until it is begun
	ended  chan struct{}           // closed when there is, or will be, no second one
	// What the second brought, to be read when ended is closed.
	call     *endpoint.Call
	err      error
	panicked any
}

// race makes the attempts, and says whose result it is and how many there were.
func (r *Retrier) race(x *race, after time.Duration) (n, made int, err error) {
	x.Retrier, x.ended = r, make(chan struct{})
	call := endpoint.OutgoingOf(x.ctx)
	var first context.Context
	first, x.stop = x.lane(x.ctx)
	defer x.stop(nil)
	if call != nil {
		x.record = call.Twin()
		if caller := call.Caller; caller != nil {
			call.Caller = judged{caller, first}
			defer func() { call.Caller = caller }()
		}
	}
	timer := time.AfterFunc(after, x.second)
	ended := false
	defer func() {
		if !ended { // it panicked
			x.end(timer, true)
		}
	}()
	err = x.attempt(first, x.number)
	ended = true
	if !x.end(timer, err == nil) {
		return x.number, 1, err
	}
	if x.panicked != nil {
		panic(x.panicked)
	}
	if call != nil {
		x.note(call)
	}
	if err != nil && x.err == nil {
		return x.number + 1, 2, nil
	}
	return x.number, 2, err
}

// end is called when the first attempt has ended. It reports whether there was a
// second one, which has ended, too.
func (x *race) end(timer *time.Timer, won bool) bool {
	if timer.Stop() {
		return false
	}
	x.mu.Lock()
	x.over = true
	if won && x.cancel != nil {
		x.cancel(errLost)
	}
	x.mu.Unlock()
	<-x.ended
	return x.cancel != nil
}

// second makes the second attempt.
func (x *race) second() {
	defer close(x.ended)
	ctx, begun := x.begin()
	if !begun {
		return
	}
	defer x.cancel(nil)
	c := endpoint.Outgoing(x.ctx, endpoint.Operation{})
	if x.record != nil {
		c = x.record()
	}
	c.Attempt = max(c.Attempt, x.number) + 1
	if c.Caller != nil {
		c.Caller = judged{c.Caller, ctx}
	}
	ctx, x.call = endpoint.WithCall(ctx, c)
	x.err = errNoEnd
	defer func() {
		if x.panicked = recover(); x.panicked != nil || x.err == nil {
			x.stop(errLost)
		}
	}()
	x.err = x.attempt(ctx, x.number+1)
}

// begin is the context of the second attempt, if there is to be one.
func (x *race) begin() (ctx context.Context, begun bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over || x.ctx.Err() != nil || !x.budget.second(x.policy, x.hedge) {
		return nil, false
	}
	ctx, x.cancel = x.lane(x.ctx)
	return ctx, true
}

// note takes down in the record what the second attempt did.
func (x *race) note(call *endpoint.Call) {
	call.Attempt = max(call.Attempt, x.call.Attempt)
	for _, id := range x.call.Tried {
		if !slices.Contains(call.Tried, id) {
			call.Try(id)
		}
	}
}

var (
	errNoEnd = fault.Internal.Errorf("the attempt ended its goroutine")
	errLost  = fault.Canceled.Errorf("the other attempt was quicker")
)

// lane is the context of one attempt of a race.
type lane struct {
	context.Context
	of *Retrier
}

type laneKey struct{}

func (r *Retrier) lane(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	return lane{ctx, r}, cancel
}

// racing reports whether ctx is that of an attempt in a race.
func (r *Retrier) racing(ctx context.Context) bool { return ctx.Value(laneKey{}) == r }

// Value implements [context.Context].
func (l lane) Value(key any) any {
	if _, ok := key.(laneKey); ok {
		return l.of
	}
	return l.Context.Value(key)
}

// judged is the context that an attempt is judged in: its caller's, which gave up
// the attempt that lost its race.
type judged struct {
	context.Context
	lane context.Context
}

// Err implements [context.Context].
func (j judged) Err() error {
	if err := j.Context.Err(); err != nil {
		return err
	}
	if errors.Is(context.Cause(j.lane), errLost) {
		return context.Canceled
	}
	return nil
}
