package retry

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/rng"
)

// Retrier repeats and hedges the calls of one callee, within one budget. It is
// safe for concurrent use.
type Retrier struct {
	name   string
	policy atomic.Pointer[Policy]
	dice   rng.Source
	budget budget
	tail   tail
}

// Snapshot is the state of a [Retrier] at one moment.
type Snapshot struct {
	Name   string `json:"name"`
	Policy Policy `json:"policy"`
	// Calls, Repeats, Hedges and Refused are of all time: calls made, attempts
	// that followed a failure, attempts at the same time as another, and those
	// of both kinds that the budget refused.
	Calls   uint64 `json:"calls"`
	Repeats uint64 `json:"repeats"`
	Hedges  uint64 `json:"hedges"`
	Refused uint64 `json:"refused"`
	// Left is how many repeats the budget has in store, those included that repeats
	// which succeeded have paid for.
	Left float64 `json:"left"`
}

// New makes the retrier of the callee of this name. It panics when the policy
// does not validate.
func New(name string, p Policy) *Retrier {
	r := &Retrier{name: name}
	r.budget.begin()
	if err := r.Set(p); err != nil {
		panic("retry.New(" + name + "): " + err.Error())
	}
	return r
}

// Do makes attempts, counted from 1, until one succeeds or must not be
// repeated, and returns the last one's error. safe says that the operation may
// be repeated whatever became of it. It does not hedge: an attempt may be a
// [Retrier.Race].
func (r *Retrier) Do(ctx context.Context, safe bool, attempt func(ctx context.Context, n int) error) error {
	p, call, began := r.begin(ctx)
	if call != nil {
		defer func(attempt int) { call.Attempt = attempt }(call.Attempt)
	}
	err := attempt(ctx, 1)
	if err == nil {
		r.succeeded()
		return nil
	}
	run := newRun(ctx, r, p, call, safe, began)
	for err != nil && run.again(err) {
		err = attempt(run.ctx, run.attempt)
	}
	return run.last(err)
}

// Middleware repeats the calls of an endpoint, and hedges them as Policy.Hedge
// says. Call.Attempt counts the attempts where there is a record, which all but
// the first always have.
func (r *Retrier) Middleware() endpoint.Middleware {
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (any, error) {
			p, call, began := r.begin(ctx)
			if call != nil || p.Hedge.Percent > 0 {
				return r.recorded(ctx, p, call, began, next, request)
			}
			response, err := next(ctx, request)
			if err == nil {
				r.succeeded()
				return response, nil
			}
			run := newRun(ctx, r, p, nil, true, began)
			return run.goOn(response, err, next, request)
		}
	}
}

// recorded is a call with a record, which it leaves as it was.
func (r *Retrier) recorded(ctx context.Context, p *Policy, call *endpoint.Call, began time.Time, next endpoint.Func, request any) (any, error) {
	if call == nil {
		ctx, call = endpoint.WithCall(ctx, endpoint.Outgoing(ctx, endpoint.Operation{}))
	}
	defer func(attempt int, tried []string) { call.Attempt, call.Tried = attempt, tried }(call.Attempt, call.Tried)
	safe := call.Operation == (endpoint.Operation{}) || call.Safe
	call.Attempt = max(call.Attempt, 1)
	var response any
	var err error
	if safe && p.Hedge.Percent > 0 {
		response, err = r.hedged(ctx, p, next, request)
	} else {
		response, err = next(ctx, request)
	}
	if err == nil {
		r.succeeded()
		return response, nil
	}
	run := newRun(ctx, r, p, call, safe, began)
	return run.goOn(response, err, next, request)
}

// hedged is the first attempt at an endpoint, or two.
func (r *Retrier) hedged(ctx context.Context, p *Policy, next endpoint.Func, request any) (any, error) {
	var responses [3]any
	n, err := r.race(ctx, p, 0, func(ctx context.Context, n int) (err error) {
		responses[n], err = next(ctx, request)
		return err
	})
	return responses[n], err
}

// succeeded takes in a call whose first attempt succeeded.
func (r *Retrier) succeeded() {
	if r.budget.wanted.Load() {
		r.budget.passes(r.policy.Load())
	}
}

// Set replaces the policy; the budget keeps its counts, and so do the waits
// unless the seed is another. An invalid policy is refused.
func (r *Retrier) Set(p Policy) error {
	if err := p.Validate(); err != nil {
		return err
	}
	p = p.withDefaults()
	if was := r.policy.Swap(&p); was == nil || was.Seed != p.Seed {
		r.dice.Seed(p.Seed)
	}
	return nil
}

// Snapshot is the retrier's state.
func (r *Retrier) Snapshot() Snapshot {
	s := Snapshot{Name: r.name, Policy: *r.policy.Load()}
	r.budget.snapshot(&s)
	return s
}

// begin begins a call. It gives the policy that holds for it, its record, if it
// has one, and when it begins, which only a deadline makes worth knowing.
func (r *Retrier) begin(ctx context.Context) (p *Policy, call *endpoint.Call, began time.Time) {
	p = r.policy.Load()
	r.budget.call(p)
	if call = endpoint.CallOf(ctx); call != nil {
		p = allowed(p, call)
		if call.Inbound {
			call = nil // it is not the record of this call
		}
	}
	if _, limited := ctx.Deadline(); limited {
		began = now(call)
	}
	return p, call, began
}

// allowed is p, unless another tier repeats the call that the record belongs to.
func allowed(p *Policy, call *endpoint.Call) *Policy {
	if call.Repeated || !call.Inbound && call.Attempt > 1 {
		return &once
	}
	return p
}

// once is the policy of a call that must not be repeated.
var once = Policy{Attempts: 1}

// now is the clock, as the record has it if it does.
func now(call *endpoint.Call) time.Time {
	switch {
	case call != nil && !call.Now.IsZero():
		return call.Now
	case call != nil && !call.Start.IsZero():
		return call.Start
	default:
		return time.Now()
	}
}
