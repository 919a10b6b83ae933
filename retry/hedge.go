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

// Race makes an attempt and, if it takes longer than after and the budget allows, a
// second one at the same time. The operation must be safe to repeat. If after is
// zero, Policy.Hedge says when and how often there is a second attempt. If it is
// positive, the second attempt starts after that time whatever Policy.Hedge says:
// use that for an attempt that is known to be at risk.
//
// The first attempt runs in the caller's goroutine with the number 1, the second
// in another with the number 2 and a record of its own; each has a context of its
// own. The first success counts, and the other attempt is cancelled; a failure
// waits for the other. Of two failures the first attempt's is returned. Both have
// ended when Race returns.
//
// Call Race inside [Retrier.Do], which counts the calls that the budget is a share
// of. With a record in ctx, a race of two counts as two of its attempts; without, as
// one. Inside another race, or in a repeat of a call, Race makes a single attempt.
func (r *Retrier) Race(ctx context.Context, after time.Duration, attempt func(ctx context.Context, n int) error) error {
	p := r.policy.Load()
	if call := endpoint.CallOf(ctx); call != nil {
		p = allowed(p, call)
	}
	_, err := r.race(ctx, p, after, attempt)
	return err
}

// race is Race under the policy p, and says which attempt it is whose result it
// returns.
func (r *Retrier) race(ctx context.Context, p *Policy, after time.Duration, attempt func(ctx context.Context, n int) error) (n int, err error) {
	if p.Attempts < 2 || after == 0 && p.Hedge.Percent == 0 || r.racing(ctx) {
		return 1, attempt(ctx, 1)
	}
	if after != 0 {
		n, _, err = (&race{Retrier: r, ctx: ctx, policy: p, attempt: attempt}).run(after)
		return n, err
	}
	known, began, both := true, time.Now(), false
	if after = p.Hedge.After; after == 0 {
		after, known = r.tail.wait()
	}
	if known {
		n, both, err = (&race{Retrier: r, ctx: ctx, policy: p, hedge: true, attempt: attempt}).run(after)
	} else {
		n, err = 1, attempt(ctx, 1)
	}
	if err == nil || both {
		r.tail.add(time.Since(began), p.Hedge.share())
	}
	return n, err
}

// race is two attempts of which one counts.
type race struct {
	*Retrier
	ctx     context.Context
	policy  *Policy
	hedge   bool // Policy.Hedge asks for it
	attempt func(ctx context.Context, n int) error
	record  func() endpoint.Call    // of the second, nil where the first has none
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

// run makes the attempts, and says whose result it is and whether there were both.
func (x *race) run(after time.Duration) (n int, both bool, err error) {
	x.ended = make(chan struct{})
	call := endpoint.OutgoingOf(x.ctx)
	var first context.Context
	first, x.stop = x.lane(x.ctx)
	defer x.stop(nil)
	if call != nil {
		x.record = call.Fork()
		if caller := call.Caller; caller != nil {
			call.Caller = judged{caller, first}
			defer func() { call.Caller = caller }()
		}
	}
	timer, ended := time.AfterFunc(after, x.second), false
	defer func() {
		if !ended { // it panicked
			x.end(timer, true)
		}
	}()
	err = x.attempt(first, 1)
	ended = true
	if !x.end(timer, err == nil) {
		return 1, false, err
	}
	if x.panicked != nil {
		panic(x.panicked)
	}
	if call != nil {
		x.note(call)
	}
	if err != nil && x.err == nil {
		return 2, true, nil
	}
	return 1, true, err
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
	c.Attempt = 2
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
	x.err = x.attempt(ctx, 2)
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
