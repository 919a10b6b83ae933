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

// run is one call with its attempts.
type run struct {
	*Retrier
	policy   *Policy
	ctx      context.Context
	call     *endpoint.Call // the record, nil where there is none
	safe     bool
	hedges   bool
	was      int       // Call.Attempt before
	attempt  int       // the latest one
	began    time.Time // the attempt; zero where nobody needs to know
	quickest time.Duration
	pause    time.Duration
}

// once is the policy of a call that must not be repeated.
var once = Policy{Attempts: 1}

func (r *Retrier) run(ctx context.Context, p *Policy, safe bool, began time.Time) *run {
	p = allowed(ctx, p)
	run := &run{
		Retrier: r, policy: p, ctx: ctx, call: endpoint.OutgoingOf(ctx), safe: safe, attempt: 1, began: began,
		hedges: safe && p.Hedge.Percent > 0 && p.Attempts > 1 && !r.racing(ctx),
	}
	if run.call != nil {
		run.was = run.call.Attempt
	}
	return run
}

// allowed is p, unless another tier repeats the call that ctx belongs to.
func allowed(ctx context.Context, p *Policy) *Policy {
	if call := endpoint.CallOf(ctx); call != nil && (call.Repeated || !call.Entered && call.Attempt > 1) {
		return &once
	}
	return p
}

// do makes the attempts, and says the number of the one whose result it is.
func (r *run) do(attempt func(ctx context.Context, n int) error) (n int, err error) {
	n, err = r.once(attempt)
	return r.goOn(n, err, attempt)
}

// goOn makes the attempts after one that ended with err.
func (r *run) goOn(n int, err error, attempt func(ctx context.Context, n int) error) (int, error) {
	for err != nil && r.again(err) {
		n, err = r.once(attempt)
	}
	if r.call != nil {
		r.call.Attempt = r.was
	}
	return n, r.last(err)
}

// once makes one attempt, and another one if that takes long.
func (r *run) once(attempt func(ctx context.Context, n int) error) (n int, err error) {
	if r.call != nil {
		r.call.Attempt = max(r.call.Attempt, r.attempt)
	}
	if !r.hedges {
		return r.attempt, attempt(r.ctx, r.attempt)
	}
	after, known := r.policy.Hedge.After, true
	if after == 0 {
		after, known = r.tail.wait()
	}
	began := time.Now()
	n, made := r.attempt, 1
	if known && n < r.policy.Attempts {
		n, made, err = r.race(&race{ctx: r.ctx, policy: r.policy, hedge: true, number: n, attempt: attempt}, after)
		r.attempt += made - 1
	} else {
		err = attempt(r.ctx, n)
	}
	if err == nil || made > 1 {
		r.tail.add(time.Since(began), r.policy.Hedge.share())
	}
	return n, err
}

// again waits and reports true when err is to be answered with another attempt.
func (r *run) again(err error) bool {
	if r.call != nil {
		r.attempt = max(r.attempt, r.call.Attempt) // it may have raced
	}
	if r.attempt >= r.policy.Attempts || r.ctx.Err() != nil || !repeatable(r.ctx, err, r.safe) {
		return false
	}
	asked := fault.RetryAfter(err)
	r.hedges = r.hedges && asked == 0
	r.pause = backoff.Policy{Min: r.policy.Backoff, Max: r.policy.MaxBackoff, Dice: &r.dice}.Next(r.pause)
	wait := max(r.pause, asked)
	if !r.inTime(wait) || !r.budget.repeat(r.policy) || backoff.Wait(r.ctx, wait) != nil {
		return false
	}
	r.attempt++
	if r.call == nil {
		r.ctx, r.call = endpoint.WithCall(r.ctx, endpoint.Outgoing(r.ctx, endpoint.Operation{}))
	}
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

// last is the error that the caller gets.
func (r *run) last(err error) error {
	if err == nil || r.attempt == 1 || fault.IsRepeated(err) {
		return err
	}
	return fault.Repeat(err)
}

// ask makes the attempts at an endpoint.
func (r *run) ask(next kitendpoint.Endpoint, request any) (any, error) {
	attempt, responses := answering(next, request)
	n, err := r.do(attempt)
	return responses[n%2], err
}

// askAgain makes the attempts after the first, which ended with err.
func (r *run) askAgain(next kitendpoint.Endpoint, request, response any, err error) (any, error) {
	attempt, responses := answering(next, request)
	responses[1] = response
	n, err := r.goOn(1, err, attempt)
	return responses[n%2], err
}

// answering is an attempt at an endpoint, and where its response is put, by its
// number: of those that run at once the one is even and the other odd.
func answering(next kitendpoint.Endpoint, request any) (attempt func(context.Context, int) error, responses *[2]any) {
	responses = new([2]any)
	return func(ctx context.Context, n int) (err error) {
		responses[n%2], err = next(ctx, request)
		return err
	}, responses
}

// repeatable says that a failed attempt may be followed by another.
func repeatable(ctx context.Context, err error, safe bool) bool {
	f, isFault := errors.AsType[*fault.Error](err)
	switch {
	case isFault && (f.Repeated || f.Reason == "breaker_open" || f.Reason == "overloaded" && f.RetryAfter == 0):
		return false
	case fault.IsUnprocessed(err):
		return isFault && f.RetryAfter > 0 || fault.Classify(endpoint.CallerOf(ctx), err) == fault.Failure
	case !safe:
		return false
	case isFault && f.RetryAfter > 0:
		return f.Code == fault.Aborted || f.Code == fault.ResourceExhausted || fault.Classify(endpoint.CallerOf(ctx), err) == fault.Failure
	default:
		return fault.CodeOf(err) != fault.DataLoss && fault.Classify(endpoint.CallerOf(ctx), err) == fault.Failure
	}
}
