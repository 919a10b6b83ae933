package retry

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
)

// Retrier repeats the calls of one callee, within one budget. It is safe for
// concurrent use.
type Retrier struct {
	name   string
	policy atomic.Pointer[Policy]
	budget budget
}

// Snapshot is the state of a [Retrier] at one moment.
type Snapshot struct {
	Name   string `json:"name"`
	Policy Policy `json:"policy"`
	// Calls, Repeats and Refused are of the last 10 s: calls made, attempts
	// after the first, and those that the budget refused.
	Calls   int `json:"calls"`
	Repeats int `json:"repeats"`
	Refused int `json:"refused"`
}

// New makes the retrier of the callee of this name. It panics when the policy
// does not validate.
func New(name string, p Policy) *Retrier {
	r := &Retrier{name: name, budget: newBudget()}
	if err := r.Set(p); err != nil {
		panic("retry.New(" + name + "): " + err.Error())
	}
	return r
}

// Do makes attempts, counted from 1, until one succeeds or must not be
// repeated, and returns the last one's error. safe says that the operation may
// be repeated whatever became of it.
func (r *Retrier) Do(ctx context.Context, safe bool, attempt func(ctx context.Context, n int) error) error {
	run := r.begin(ctx, safe)
	for {
		err := attempt(ctx, run.attempt)
		if err == nil || !run.again(err) {
			return run.last(err)
		}
	}
}

// Middleware repeats the calls of an endpoint. Call.Attempt counts them where
// there is a record, which a repeat always has.
func (r *Retrier) Middleware() endpoint.Middleware {
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			call := endpoint.OutgoingOf(ctx)
			run := r.begin(ctx, call == nil || call.Operation == (endpoint.Operation{}) || call.Safe)
			if call != nil {
				defer func(attempt int, tried []string) { call.Attempt, call.Tried = attempt, tried }(call.Attempt, call.Tried)
			}
			for {
				if call == nil && run.attempt > 1 {
					ctx, call = endpoint.WithCall(ctx, endpoint.Outgoing(ctx, endpoint.Operation{}))
				}
				if call != nil {
					call.Attempt = max(call.Attempt, run.attempt)
				}
				response, err := next(ctx, request)
				if err == nil || !run.again(err) {
					return response, run.last(err)
				}
			}
		}
	}
}

// Set replaces the policy; the budget keeps its counts. An invalid policy is
// refused.
func (r *Retrier) Set(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	p = p.withDefaults()
	r.policy.Store(&p)
	return nil
}

// Snapshot is the retrier's state.
func (r *Retrier) Snapshot() Snapshot {
	s := Snapshot{Name: r.name, Policy: *r.policy.Load()}
	s.Calls, s.Repeats, s.Refused = r.budget.sums()
	return s
}

// run is one call with its attempts.
type run struct {
	*Retrier
	policy   *Policy
	ctx      context.Context
	safe     bool
	attempt  int
	began    time.Time // of the attempt
	quickest time.Duration
	pause    time.Duration
}

func (r *Retrier) begin(ctx context.Context, safe bool) run {
	var now time.Time
	p := r.policy.Load()
	if call := endpoint.CallOf(ctx); call != nil {
		if call.Repeated || !call.Entered && call.Attempt > 1 {
			p = &once
		}
		if !call.Entered {
			now = call.Start
		}
	}
	if now.IsZero() {
		now = time.Now()
	}
	r.budget.call(now)
	return run{Retrier: r, policy: p, ctx: ctx, safe: safe, attempt: 1, began: now}
}

// once is the policy of a call that must not be repeated.
var once = Policy{Attempts: 1}

// again waits and reports true when err is to be answered with another attempt.
func (r *run) again(err error) bool {
	if r.attempt >= r.policy.Attempts || r.ctx.Err() != nil || !repeatable(r.ctx, err, r.safe) {
		return false
	}
	now := time.Now()
	if took := now.Sub(r.began); r.attempt == 1 || took < r.quickest {
		r.quickest = took
	}
	r.pause = backoff.Policy{Min: r.policy.Backoff, Max: r.policy.MaxBackoff}.Next(r.pause)
	wait := max(r.pause, fault.RetryAfter(err))
	if deadline, ok := r.ctx.Deadline(); ok && deadline.Sub(now)-r.quickest <= wait {
		return false
	}
	if !r.budget.repeat(now, r.policy.Budget) || backoff.Wait(r.ctx, wait) != nil {
		return false
	}
	r.attempt++
	r.began = now.Add(wait)
	return true
}

// last is the error that the caller gets.
func (r *run) last(err error) error {
	if err == nil || r.attempt == 1 || fault.IsRepeated(err) {
		return err
	}
	return fault.Repeat(err)
}

// repeatable says that a failed attempt may be followed by another.
func repeatable(ctx context.Context, err error, safe bool) bool {
	var f *fault.Error
	isFault := errors.As(err, &f)
	switch {
	case isFault && (f.Repeated || f.Reason == "breaker_open"):
		return false
	case fault.IsUnprocessed(err):
		return fault.Classify(ctx, err) == fault.Failure || fault.RetryAfter(err) > 0
	case !safe:
		return false
	case isFault && f.RetryAfter > 0:
		return f.Code == fault.Aborted || f.Code == fault.ResourceExhausted || fault.Classify(ctx, err) == fault.Failure
	default:
		return fault.CodeOf(err) != fault.DataLoss && fault.Classify(ctx, err) == fault.Failure
	}
}
