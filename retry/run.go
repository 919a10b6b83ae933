package retry

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/internal/callctx"
)

// run is one call whose first attempt has failed.
type run struct {
	*Retrier
	policy        *Policy
	ctx           context.Context
	call          *callctx.Call // nil if there is none yet
	safe          bool
	budgetRefused bool
	breakerWait   time.Duration // total, for an open breaker
	earns         bool          // a successful repeat earns others
	attempt       int           // the latest one
	attemptStart  time.Time     // zero if ctx has no deadline
	quickest      time.Duration
	lastWait      time.Duration
}

func newRun(ctx context.Context, r *Retrier, p *Policy, record *call.Record, safe bool, started time.Time) run {
	attempts := 1
	if record != nil {
		attempts = max(attempts, record.Attempt) // more than one after a hedge
	}
	return run{Retrier: r, policy: p, ctx: ctx, call: callctx.Of(ctx), safe: safe, attempt: attempts, attemptStart: started}
}

// retryEndpoint makes the attempts at an endpoint after the first one.
func (r *run) retryEndpoint(response any, err error, next endpoint.Func, request any) (any, error) {
	for err != nil && r.shouldRetry(err) {
		response, err = next(r.ctx, request)
	}
	return response, r.finalError(err)
}

// shouldRetry says whether another attempt follows after err, and waits for it.
func (r *run) shouldRetry(err error) bool {
	if r.ctx.Err() != nil {
		return false
	}
	verdict := fault.Judge(callctx.CallerOf(r.ctx), err)
	wait, may := repeatable(verdict, err, r.safe)
	if !may {
		if _, would := repeatable(verdict, err, true); would {
			r.recordStop("the operation is not safe to repeat")
		}
		return false
	}
	if fault.ReasonOf(err) == fault.ReasonBreakerOpen {
		return r.awaitBreaker(wait)
	}
	if r.attempt >= r.policy.Attempts {
		r.recordStop(r.policy.exhaustedReason())
		return false
	}
	r.lastWait = backoff.Policy{Min: r.policy.Backoff, Max: r.policy.MaxBackoff, Rand: &r.rng}.Next(r.lastWait)
	wait = max(wait, r.lastWait)
	if !r.fitsDeadline(wait) {
		r.recordStop("it could not end before the deadline")
		return false
	}
	// A refused connection costs no capacity, and the balancer now avoids the instance.
	// A repeat after an overload uses the room of another call, so it earns nothing.
	unreached := verdict == fault.Unreached
	r.earns = !unreached && verdict != fault.Overloaded
	if r.budgetRefused = !(unreached && r.budget.allowFree()) && !r.budget.allowRepeat(r.policy); r.budgetRefused {
		if r.earns {
			r.budget.refusedSince.Store(true)
		}
		r.recordStop("the retry budget is spent")
		return false
	}
	if !r.wait(wait) {
		return false
	}
	r.attempt++
	if r.call == nil {
		r.ctx, r.call = callctx.Ensure(r.ctx)
	}
	r.call.StartAttempt(r.attempt)
	return true
}

// awaitBreaker waits for a breaker that admits probes after this time, and says whether to
// call it again.
func (r *run) awaitBreaker(wait time.Duration) bool {
	wait += r.rng.Duration(r.policy.Backoff) // so waiting calls do not return all at once
	if r.call != nil && r.attempt == 1 {
		r.call.AwaitBreaker()
	}
	r.breakerWait += wait
	return r.attempt < r.policy.Attempts && r.breakerWait <= maxBreakerWait && r.fitsDeadline(wait) && r.wait(wait)
}

// wait says whether the caller's time lasts that long.
func (r *run) wait(d time.Duration) bool {
	if r.call != nil {
		r.call.Waited()
	}
	return backoff.Wait(r.ctx, d) == nil
}

// recordStop writes to the record why there is no further attempt.
func (r *run) recordStop(why string) {
	if r.call != nil {
		r.call.NoteStop(why)
	}
}

// fitsDeadline says whether an attempt after this wait can end in the caller's time, and sets
// its start.
func (r *run) fitsDeadline(wait time.Duration) bool {
	deadline, limited := r.ctx.Deadline()
	if !limited {
		return true
	}
	now := time.Now()
	if took := now.Sub(r.attemptStart); r.quickest == 0 || took < r.quickest {
		r.quickest = took
	}
	r.attemptStart = now.Add(wait)
	return deadline.Sub(r.attemptStart) > r.quickest
}

// finalError is the error that the caller gets. Other tiers must not repeat what this budget
// refused to repeat: otherwise their budgets would add up.
func (r *run) finalError(err error) error {
	if err == nil && r.attempt > 1 {
		r.budget.repeatSucceeded(r.earns)
	}
	if err == nil || r.attempt == 1 && !r.budgetRefused || fault.IsRepeated(err) {
		return err
	}
	return fault.MarkRepeated(err)
}

// repeatable says whether an attempt with this verdict and error may be repeated, and after
// which wait.
func repeatable(v fault.Verdict, err error, safe bool) (wait time.Duration, may bool) {
	code, unprocessed := fault.CodeOf(err), fault.IsUnprocessed(err)
	wait = fault.RetryAfter(err)
	switch v {
	case fault.Failed, fault.TimedOut, fault.Unreached, fault.Relayed:
		may = unprocessed || safe && code != fault.DataLoss
		if fault.ReasonOf(err) == fault.ReasonBreakerOpen {
			// A breaker behind the callee is the callee's to call again.
			may = v != fault.Relayed && unprocessed && wait > 0 && wait <= maxBreakerWait
		}
	case fault.Overloaded:
		may = (unprocessed || safe) && wait > 0 // otherwise it is not known when there is room
	case fault.Refused:
		may = wait > 0 && (unprocessed || safe && (code == fault.Aborted || code == fault.ResourceExhausted))
	case fault.OK, fault.Expired, fault.Abandoned:
	}
	return wait, may && !fault.IsRepeated(err)
}

// maxBreakerWait is how long a call waits in all for a breaker that has just opened: about as
// long as for its repeats, since the caller of an optional dependency has to continue.
const maxBreakerWait = 150 * time.Millisecond
