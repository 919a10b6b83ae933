package limit

import (
	"context"
	"sync/atomic"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// tally counts how calls ended, since the limiter was made.
type tally struct {
	succeeded atomic.Int64 // while their caller waited
	timed     atomic.Int64 // of those, were timed
	spent     atomic.Int64 // on the timed, in ns
	expired   atomic.Int64 // ran out of time, whoever's it was, or failed late
	other     atomic.Int64 // failed otherwise, or say nothing
	shed      atomic.Int64 // were answered with a refusal for overload
	late      atomic.Int64 // of all of them, took too long
	aims      atomic.Int64 // what too long was, in ns, where there was need to know
	aimed     atomic.Int64 // how often that was
	refused   atomic.Int64
	wasted    atomic.Int64
}

// counts is a tally at one moment, or the difference of two.
type counts struct {
	succeeded, timed, spent, expired, shed, late, aims, aimed, refused int64
}

// add takes in a call that was timed, and is late after so long. What late was is
// noted where it may be asked for.
func (t *tally) add(ctx context.Context, took, late int64, gone, limited bool, err error) {
	tooLong := took > late
	if err == nil && !gone {
		t.succeeded.Add(1)
		t.timed.Add(1)
		t.spent.Add(took)
	} else if !t.miss(ctx, tooLong, gone, err) {
		return
	}
	if tooLong {
		t.late.Add(1)
	}
	if tooLong || limited {
		t.aims.Add(late)
		t.aimed.Add(1)
	}
}

// miss takes in a call that is no success, and says whether it tells of time.
func (t *tally) miss(ctx context.Context, tooLong, gone bool, err error) bool {
	if gone {
		t.wasted.Add(1)
	}
	switch how(ctx, err) {
	case ranOut:
		t.expired.Add(1)
		return true
	case refusedThere:
		t.shed.Add(1)
		return false
	case failed:
		if tooLong {
			t.expired.Add(1)
			return true
		}
		t.other.Add(1) // what fails fast says nothing of time
		return false
	default:
		t.other.Add(1)
		return false
	}
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
		t.succeeded.Load(), t.timed.Load(), t.spent.Load(), t.expired.Load(), t.shed.Load(), t.late.Load(),
		t.aims.Load(), t.aimed.Load(), t.refused.Load(),
	}
}

func (c counts) since(before counts) counts {
	return counts{
		c.succeeded - before.succeeded, c.timed - before.timed, c.spent - before.spent, c.expired - before.expired, c.shed - before.shed,
		c.late - before.late, c.aims - before.aims, c.aimed - before.aimed, c.refused - before.refused,
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
		if caller.Err() == context.Canceled { //nolint:errorlint // it is never wrapped
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
		if fault.Expired(caller, err) {
			return ranOut
		}
	case fault.Success:
	}
	return silent
}
