package retry

import (
	"context"
	"errors"
	"time"

	kitendpoint "github.com/go-kit/kit/endpoint"

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
	refused  bool      // by the budget
	attempt  int       // the latest one
	began    time.Time // the attempt; zero where nobody needs to know
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
func (r *run) goOn(response any, err error, next kitendpoint.Endpoint, request any) (any, error) {
	for err != nil && r.again(err) {
		response, err = next(r.ctx, request)
	}
	return response, r.last(err)
}

// again waits and reports true when err is to be answered with another attempt.
func (r *run) again(err error) bool {
	if r.attempt >= r.policy.Attempts || r.ctx.Err() != nil {
		return false
	}
	wait, may := repeatable(r.ctx, err, r.safe)
	if !may {
		return false
	}
	r.pause = backoff.Policy{Min: r.policy.Backoff, Max: r.policy.MaxBackoff, Dice: &r.dice}.Next(r.pause)
	wait = max(wait, r.pause)
	if !r.inTime(wait) {
		return false
	}
	if r.refused = !r.budget.repeat(r.policy); r.refused || backoff.Wait(r.ctx, wait) != nil {
		return false
	}
	r.attempt++
	if r.call == nil {
		r.ctx, r.call = endpoint.WithCall(r.ctx, endpoint.Outgoing(r.ctx, endpoint.Operation{}))
	}
	r.call.Attempt = r.attempt
	return true
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
	if err == nil || r.attempt == 1 && !r.refused || fault.IsRepeated(err) {
		return err
	}
	return fault.Repeat(err)
}

// repeatable says whether a failed attempt may be followed by another, and how
// long that has to wait at least. The caller has not given up.
func repeatable(ctx context.Context, err error, safe bool) (wait time.Duration, may bool) {
	f, isFault := errors.AsType[*fault.Error](err)
	if !isFault {
		return 0, (safe || fault.IsUnprocessed(err)) && failed(ctx, err)
	}
	switch {
	case f.Repeated || f.Reason == "breaker_open":
		return 0, false
	case fault.IsOverloaded(err):
		return 0, true // that instance has no room for as long as it says, but another one may
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
