package limit

import (
	"context"
	"sync/atomic"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
)

// tally counts how calls ended, since the limiter was made.
type tally struct {
	succeeded atomic.Int64 // while their caller waited
	timed     atomic.Int64 // of those, were timed
	spent     atomic.Int64 // on the timed, in ns
	norm      atomic.Int64 // what the timed usually take, in ns
	aims      atomic.Int64 // what they may take where others are refused, in ns
	expired   atomic.Int64 // ran out of time, whoever's it was, or failed late
	lost      atomic.Int64 // on them, in ns
	served    atomic.Int64 // of the timed and the expired, were served all the same, if too late
	other     atomic.Int64 // failed otherwise, or say nothing
	shed      atomic.Int64 // were answered with a refusal for overload
	late      atomic.Int64 // of all of them, took too long
	refused   atomic.Int64
	wasted    atomic.Int64
}

// counts is a tally at one moment, or the difference of two.
type counts struct {
	succeeded, timed, spent, norm, aims, expired, lost, served, shed, late, refused int64
}

// timing is what a timed call is judged by.
type timing struct {
	operation *operation
	took      int64
	budget    int64 // of its caller, 0 where that is not known
	gone      bool  // its caller waits no more
}

// add takes in a call that was timed.
func (t *tally) add(ctx context.Context, call timing, err error) {
	op := call.operation
	known := op.usual() > 0
	tooLong := known && float64(call.took) > op.tooLate(call.budget)
	if err == nil && !call.gone {
		t.succeeded.Add(1)
		t.timed.Add(1)
		t.served.Add(1)
		t.spent.Add(call.took)
		if known {
			t.norm.Add(int64(op.usual()))
			t.aims.Add(int64(op.aim(call.budget)))
		} else {
			t.norm.Add(call.took)
			t.aims.Add(2 * call.took)
		}
		op.succeed(call.took)
		op.budgets.Add(int64(op.patience(call.budget)))
	} else if !t.miss(ctx, call, tooLong, err) {
		return
	}
	if tooLong {
		t.late.Add(1)
	}
}

// miss takes in a call that is no success, and says whether it tells of time.
func (t *tally) miss(ctx context.Context, call timing, tooLong bool, err error) bool {
	if call.gone {
		t.wasted.Add(1)
	}
	end := how(ctx, err)
	if end == failed && tooLong || end == silent && call.gone && call.budget > 0 && call.took >= call.budget {
		end = ranOut
	}
	switch end {
	case ranOut:
		call.operation.expired.Add(1)
		if call.operation.hopeless(call.budget) {
			t.other.Add(1) // it could not have been answered in time, whatever the load
			return false
		}
		call.operation.budgets.Add(int64(call.operation.patience(call.budget)))
		t.expired.Add(1)
		t.lost.Add(call.took)
		if err == nil {
			t.served.Add(1)
			call.operation.served.Add(1)
		}
		if !tooLong {
			t.late.Add(1) // it did not wait for longer, or it would have been
		}
		return true
	case refusedThere:
		t.shed.Add(1)
	default:
		t.other.Add(1) // what fails fast says nothing of time
	}
	return false
}

// untimed takes in a call that was not timed and is no plain success.
func (t *tally) untimed(ctx context.Context) {
	t.other.Add(1)
	if left(ctx) {
		t.wasted.Add(1)
	}
}

// ended are all calls that have ended.
func (t *tally) ended() int64 {
	return t.succeeded.Load() + t.expired.Load() + t.other.Load() + t.shed.Load()
}

func (t *tally) counts() counts {
	return counts{
		t.succeeded.Load(), t.timed.Load(), t.spent.Load(), t.norm.Load(), t.aims.Load(),
		t.expired.Load(), t.lost.Load(), t.served.Load(), t.shed.Load(), t.late.Load(), t.refused.Load(),
	}
}

func (c counts) since(before counts) counts {
	return counts{
		c.succeeded - before.succeeded, c.timed - before.timed, c.spent - before.spent, c.norm - before.norm, c.aims - before.aims,
		c.expired - before.expired, c.lost - before.lost, c.served - before.served, c.shed - before.shed, c.late - before.late,
		c.refused - before.refused,
	}
}

// ending is what the end of a call says of how loaded the callee is.
type ending int

const (
	ranOut       ending = iota // there was no answer in time
	refusedThere               // the callee says itself that it is overloaded
	failed                     // the callee failed
	silent                     // it says nothing
)

// how takes err nil where the caller had gone.
func how(ctx context.Context, err error) ending {
	caller := endpoint.CallerOf(ctx)
	if err == nil {
		if caller.Err() == context.Canceled || deadline.IsForeign(ctx) { //nolint:errorlint // it is never wrapped
			return silent
		}
		return ranOut
	}
	if fault.IsRelayed(err) { // the one that called it has done its work
		return failed
	}
	switch fault.Classify(caller, err) {
	case fault.Failure:
		switch code := fault.CodeOf(err); {
		case code == fault.DeadlineExceeded:
			return ranOut
		case code == fault.Unavailable && (fault.RetryAfter(err) > 0 || fault.ReasonOf(err) == "overloaded"):
			return refusedThere
		}
		return failed
	case fault.Ignored:
		if fault.CallerExpired(caller, err) {
			return ranOut
		}
	case fault.Success:
	}
	return silent
}
