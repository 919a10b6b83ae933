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
	spent     atomic.Int64 // on those, in ns
	expired   atomic.Int64 // ran out of time, whoever's it was
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
	succeeded, spent, expired, shed, late, aims, aimed, refused int64
}

// add takes in a call that is not plainly a success.
func (t *tally) add(ctx context.Context, took, late int64, gone bool, err error) {
	if gone {
		t.wasted.Add(1)
	}
	tooLong := took > late
	switch how(ctx, gone, err) {
	case answered:
		t.succeeded.Add(1)
		t.spent.Add(took)
	case ranOut:
		t.expired.Add(1)
	case refusedThere:
		t.shed.Add(1)
		return
	case failed:
		t.other.Add(1)
		if !tooLong {
			return // fast failures say nothing of time
		}
	case silent:
		t.other.Add(1)
		return
	}
	if tooLong {
		t.late.Add(1)
	}
	t.aims.Add(late)
	t.aimed.Add(1)
}

// ended are all calls that have ended.
func (t *tally) ended() int64 {
	return t.succeeded.Load() + t.expired.Load() + t.other.Load() + t.shed.Load()
}

func (t *tally) counts() counts {
	return counts{
		t.succeeded.Load(), t.spent.Load(), t.expired.Load(), t.shed.Load(), t.late.Load(),
		t.aims.Load(), t.aimed.Load(), t.refused.Load(),
	}
}

func (c counts) since(before counts) counts {
	return counts{
		c.succeeded - before.succeeded, c.spent - before.spent, c.expired - before.expired, c.shed - before.shed,
		c.late - before.late, c.aims - before.aims, c.aimed - before.aimed, c.refused - before.refused,
	}
}

// ending is what the end of a call says of how loaded the callee is.
type ending int

const (
	answered     ending = iota
	ranOut              // there was no answer in time
	refusedThere        // the callee says itself that it is overloaded
	failed              // the callee failed
	silent              // it says nothing
)

func how(ctx context.Context, gone bool, err error) ending {
	if err == nil {
		if !gone {
			return answered
		}
		if ctx.Err() == context.Canceled { //nolint:errorlint // it is never wrapped
			return silent
		}
		return ranOut
	}
	caller := endpoint.CallerOf(ctx)
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
