package retry

import (
	"context"
	"sync/atomic"
	"time"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/dice"
)

// Retrier repeats and hedges the calls of one callee, within one budget. It is
// safe for concurrent use.
type Retrier struct {
	name   string
	policy atomic.Pointer[Policy]
	dice   dice.Dice
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
	// Left is how many attempts the budget has in store.
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
// be repeated whatever became of it. With Policy.Hedge two attempts of a safe
// operation may run at once, the second in another goroutine; both have ended
// when Do returns, and the first success counts.
func (r *Retrier) Do(ctx context.Context, safe bool, attempt func(ctx context.Context, n int) error) error {
	p := r.policy.Load()
	r.budget.call(p)
	began := begin(ctx)
	if p.Hedge.Percent > 0 && safe {
		_, err := r.run(ctx, p, safe, began).do(attempt)
		return err
	}
	err := attempt(ctx, 1)
	if err == nil {
		return nil
	}
	_, err = r.run(ctx, p, safe, began).goOn(1, err, attempt)
	return err
}

// Middleware repeats and hedges the calls of an endpoint. Call.Attempt counts
// the attempts where there is a record, which all but the first always have.
func (r *Retrier) Middleware() endpoint.Middleware {
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			p := r.policy.Load()
			r.budget.call(p)
			began := begin(ctx)
			call := endpoint.OutgoingOf(ctx)
			safe := call == nil || call.Operation == (endpoint.Operation{}) || call.Safe
			if call != nil {
				defer func(attempt int, tried []string) { call.Attempt, call.Tried = attempt, tried }(call.Attempt, call.Tried)
			}
			if p.Hedge.Percent > 0 && safe {
				return r.run(ctx, p, safe, began).ask(next, request)
			}
			was := 0
			if call != nil {
				was, call.Attempt = call.Attempt, max(call.Attempt, 1)
			}
			response, err := next(ctx, request)
			if err == nil {
				return response, nil
			}
			if call != nil {
				call.Attempt = was
			}
			return r.run(ctx, p, safe, began).askAgain(next, request, response, err)
		}
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

// begin is when a call begins, which only a deadline makes worth knowing: zero
// without one.
func begin(ctx context.Context) time.Time {
	if _, limited := ctx.Deadline(); !limited {
		return time.Time{}
	}
	if call := endpoint.OutgoingOf(ctx); call != nil {
		switch {
		case !call.Now.IsZero():
			return call.Now
		case !call.Start.IsZero():
			return call.Start
		}
	}
	return time.Now()
}
