package retry

import (
	"context"
	"errors"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
)

// run is one call whose first attempt has failed.
type run struct {
	*Retrier
	policy   *Policy
	ctx      context.Context
	call     *endpoint.Call // the record, nil where there is none yet
	safe     bool
	refused  bool          // by the budget
	waited   time.Duration // for an open breaker
	earns    bool          // if the attempt succeeds, repeats are worth while
	attempt  int           // the latest one
	began    time.Time     // the attempt; zero where nobody needs to know
	quickest time.Duration
	pause    time.Duration
}

func newRun(ctx context.Context, r *Retrier, p *Policy, call *endpoint.Call, safe bool, began time.Time) run {
	made := 1
	if call != nil {
		made = max(made, call.Attempt) // more than one if there was a race
	}
	return run{Retrier: r, policy: p, ctx: ctx, call: call, safe: safe, attempt: made, began: began}
}

// goOn makes the attempts at an endpoint after the first, which ended so.
func (r *run) goOn(response any, err error, next endpoint.Func, request any) (any, error) {
	for err != nil && r.again(err) {
		response, err = next(r.ctx, request)
	}
	return response, r.last(err)
}

// again waits and reports true when err is to be answered with another attempt.
func (r *run) again(err error) bool {
	if r.ctx.Err() != nil {
		return false
	}
	wait, may := repeatable(r.ctx, err, r.safe)
	if !may {
		if _, would := repeatable(r.ctx, err, true); would {
			r.stop("the operation is not safe to repeat")
		}
		return false
	}
	if fault.ReasonOf(err) == breakerOpen {
		return r.await(wait)
	}
	if r.attempt >= r.policy.Attempts {
		r.stop(r.policy.usedUp())
		return false
	}
	r.pause = backoff.Policy{Min: r.policy.Backoff, Max: r.policy.MaxBackoff, Rand: &r.dice}.Next(r.pause)
	wait = max(wait, r.pause)
	if !r.inTime(wait) {
		r.stop("it could not end before the deadline")
		return false
	}
	// A connection that nobody took cost nothing, and the balancer knows better now.
	// Who is refused for lack of room takes that of another one when he comes again.
	unreached := fault.IsUnreached(err)
	r.earns = !unreached && !fault.IsOverloaded(err)
	if r.refused = !(unreached && r.budget.elsewhere()) && !r.budget.repeat(r.policy); r.refused {
		if r.earns {
			r.budget.wanted.Store(true)
		}
		r.stop("the retry budget is spent")
		return false
	}
	if backoff.Wait(r.ctx, wait) != nil {
		return false
	}
	r.attempt++
	if r.call == nil {
		r.ctx, r.call = endpoint.WithCall(r.ctx, endpoint.Outgoing(r.ctx, endpoint.Operation{}))
	}
	r.call.Attempt = r.attempt
	return true
}

// await waits for a breaker that tries again after this time, and reports whether it is
// to be asked again.
func (r *run) await(wait time.Duration) bool {
	wait += r.dice.Duration(r.policy.Backoff) // or all who wait would come at one moment
	r.waited += wait
	return r.attempt < r.policy.Attempts && r.waited <= soon && r.inTime(wait) && backoff.Wait(r.ctx, wait) == nil
}

// stop tells the record why there is no further attempt.
func (r *run) stop(why string) {
	if r.call != nil {
		r.call.Stop(why)
	}
}

// inTime reports whether an attempt after this wait can end in the caller's time,
// and takes down when it begins.
func (r *run) inTime(wait time.Duration) bool {
	deadline, limited := r.ctx.Deadline()
	if !limited {
		return true
	}
	now := time.Now()
	if took := now.Sub(r.began); r.quickest == 0 || took < r.quickest {
		r.quickest = took
	}
	r.began = now.Add(wait)
	return deadline.Sub(r.began) > r.quickest
}

// last is the error that the caller gets. What the budget refused to repeat is for
// no other tier to repeat, else their budgets would add up.
func (r *run) last(err error) error {
	if err == nil && r.attempt > 1 {
		r.budget.succeeded(r.earns)
	}
	if err == nil || r.attempt == 1 && !r.refused || fault.IsRepeated(err) {
		return err
	}
	return fault.MarkRepeated(err)
}

// repeatable says whether a failed attempt may be followed by another, and how
// long that has to wait at least. The caller has not given up.
func repeatable(ctx context.Context, err error, safe bool) (wait time.Duration, may bool) {
	f, isFault := errors.AsType[*fault.Error](err)
	if !isFault {
		return 0, (safe || fault.IsUnprocessed(err)) && failed(ctx, err)
	}
	switch {
	case f.Repeated:
		return 0, false
	case f.Reason == breakerOpen:
		// One that stands further down is not ours to ask.
		may = f.Unprocessed && f.RetryAfter > 0 && f.RetryAfter <= soon && !fault.IsRelayed(err)
	case fault.IsOverloaded(err):
		may = f.RetryAfter > 0 // else nobody knows when there is room
	case f.Unprocessed:
		may = f.RetryAfter > 0 || fault.Classify(endpoint.CallerOf(ctx), err) == fault.Failure
	case !safe || f.Code == fault.DataLoss:
		return 0, false
	case f.RetryAfter > 0 && (f.Code == fault.Aborted || f.Code == fault.ResourceExhausted):
		may = true
	default:
		may = fault.Classify(endpoint.CallerOf(ctx), err) == fault.Failure
	}
	return f.RetryAfter, may
}

// failed reports whether an error that is no fault may be repeated: whatever class
// it is in, it is one of failures, unless it is a bare code.
func failed(ctx context.Context, err error) bool {
	code, bare := errors.AsType[fault.Code](err)
	return !bare || code != fault.DataLoss && fault.Classify(endpoint.CallerOf(ctx), err) == fault.Failure
}

// soon is how long a call waits in all for a breaker that opened a moment ago: about as
// long as for its repeats, since whoever calls an optional dependency has to go on.
const soon = 150 * time.Millisecond

// breakerOpen is the reason of an attempt that an open breaker has refused, so that nobody had it.
const breakerOpen = "breaker_open"
