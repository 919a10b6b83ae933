package retry

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/internal/rng"
)

// Retrier repeats and hedges the calls to one callee, within one budget. It is safe for
// concurrent use.
type Retrier struct {
	name     string
	policy   atomic.Pointer[Policy]
	rng      rng.Source
	budget   budget
	quantile latencyQuantile
}

// Snapshot is the state of a [Retrier] at one moment.
type Snapshot struct {
	Name   string `json:"name"`
	Policy Policy `json:"policy"`
	// Calls, Repeats, Hedges and Refused are totals since New: the calls made, the repeats,
	// the hedges, and the repeats and hedges that the budget refused.
	Calls   uint64 `json:"calls"`
	Repeats uint64 `json:"repeats"`
	Hedges  uint64 `json:"hedges"`
	Refused uint64 `json:"refused"`
	// Left is how many repeats the budget has in store, including those for which
	// successful repeats have paid.
	Left float64 `json:"left"`
}

// New returns the retrier of the callee with this name. It panics when the policy is
// invalid.
func New(name string, p Policy) *Retrier {
	r := &Retrier{name: name}
	r.budget.init()
	if err := r.Set(p); err != nil {
		panic("retry.New(" + name + "): " + err.Error())
	}
	return r
}

// Do calls attempt until an attempt succeeds or must not be repeated, and returns the error
// of the last one. n is the number of the attempt, from 1. safe says that the operation may
// be repeated whatever happened to an attempt. Do does not hedge: use [Retrier.Race] inside
// an attempt for that.
func (r *Retrier) Do(ctx context.Context, safe bool, attempt func(ctx context.Context, n int) error) error {
	p, record, started := r.start(ctx)
	if record != nil {
		defer func(attempt int) { record.Attempt = attempt }(record.Attempt)
	}
	err := attempt(ctx, 1)
	if err == nil {
		r.firstSucceeded()
		return nil
	}
	run := newRun(ctx, r, p, record, safe, started)
	for err != nil && run.shouldRetry(err) {
		err = attempt(run.ctx, run.attempt)
	}
	return run.finalError(err)
}

// Middleware repeats the calls of an endpoint, and hedges them as Policy.Hedge says. Every
// attempt has a call.Record whose Attempt is its number, except that the first attempt may
// have none if the call had none.
func (r *Retrier) Middleware() endpoint.Middleware {
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			p, record, started := r.start(ctx)
			if record != nil || p.Hedge.Percent > 0 {
				return r.runRecorded(ctx, p, record, started, next, request)
			}
			response, err := next(ctx, request)
			if err == nil {
				r.firstSucceeded()
				return response, nil
			}
			run := newRun(ctx, r, p, nil, true, started)
			return run.retryEndpoint(response, err, next, request)
		}
	}
}

// runRecorded runs a call with a record, and restores the record at its end.
func (r *Retrier) runRecorded(ctx context.Context, p *Policy, record *call.Record, started time.Time, next endpoint.Func, request any) (any, error) {
	if record == nil {
		var c *callctx.Call
		ctx, c = callctx.Ensure(ctx)
		record = &c.Record
	}
	defer func(attempt int, tried []string) { record.Attempt, record.Tried = attempt, tried }(record.Attempt, record.Tried)
	safe := record.Operation == (call.Operation{}) || record.Safe
	record.Attempt = max(record.Attempt, 1)
	var response any
	var err error
	if safe && p.Hedge.Percent > 0 {
		response, err = r.firstAttempt(ctx, p, next, request)
	} else {
		response, err = next(ctx, request)
	}
	if err == nil {
		r.firstSucceeded()
		return response, nil
	}
	run := newRun(ctx, r, p, record, safe, started)
	return run.retryEndpoint(response, err, next, request)
}

// firstAttempt is the first attempt at an endpoint, with its hedge.
func (r *Retrier) firstAttempt(ctx context.Context, p *Policy, next endpoint.Func, request any) (any, error) {
	var responses [3]any
	n, err := r.hedge(ctx, p, 0, func(ctx context.Context, n int) (err error) {
		responses[n], err = next(ctx, request)
		return err
	})
	return responses[n], err
}

// firstSucceeded handles a call whose first attempt succeeded.
func (r *Retrier) firstSucceeded() {
	if r.budget.refusedSince.Load() {
		r.budget.callSucceeded(r.policy.Load())
	}
}

// Set replaces the policy. The budget's counts stay, and the random waits continue unless
// the seed changes. For an invalid policy it returns an error and changes nothing.
func (r *Retrier) Set(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	p = p.WithDefaults()
	if was := r.policy.Swap(&p); was == nil || was.Seed != p.Seed {
		r.rng.Seed(p.Seed)
	}
	return nil
}

// Snapshot returns the retrier's state.
func (r *Retrier) Snapshot() Snapshot {
	s := Snapshot{Name: r.name, Policy: *r.policy.Load()}
	r.budget.snapshot(&s)
	return s
}

// start counts a call. It returns the policy that applies to it, its record, if it has
// one, and its start, which is only set if ctx has a deadline.
func (r *Retrier) start(ctx context.Context) (p *Policy, record *call.Record, started time.Time) {
	p = r.policy.Load()
	r.budget.addCall(p)
	if record = call.Of(ctx); record != nil {
		p = policyFor(p, record)
		if record.Inbound {
			record = nil // of another call: the one that ctx's handler serves
		}
	}
	if _, limited := ctx.Deadline(); limited {
		started = callctx.Now(ctx)
	}
	return p, record, started
}

// policyFor is p, unless another tier already repeats the call of this record.
func policyFor(p *Policy, record *call.Record) *Policy {
	if record.Repeated || !record.Inbound && record.Attempt > 1 {
		return &singleAttempt
	}
	return p
}

// singleAttempt is the policy of a call that must not be repeated.
var singleAttempt = Policy{Attempts: 1}
