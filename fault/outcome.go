package fault

import (
	"context"
	"errors"
	"time"
)

// Outcome is what a result says about the callee.
type Outcome int

// The three outcomes.
const (
	Success Outcome = iota // the callee did its work
	Failure                // the callee failed, or was too slow for our own limit
	Ignored                // says nothing about the callee: counts nowhere, what was held is freed
)

// String is "success", "failure" or "ignored".
func (o Outcome) String() string {
	switch o {
	case Success:
		return "success"
	case Failure:
		return "failure"
	default:
		return "ignored"
	}
}

// Classify says what the result err of a call means for the callee. ctx is the
// context that the caller handed in, not one to which a policy added its own
// time limit.
//
// A caller who cancelled, in whatever words and with whatever cause, is
// Ignored. A time limit of our own, or a Canceled that came over the wire while
// ctx lives, is a Failure. A caller's mistake (4xx) is Ignored, an answer for
// overload (503) is a Failure. A caller whose deadline ran out is Ignored here;
// see [Expired].
func Classify(ctx context.Context, err error) Outcome {
	if err == nil {
		return Success
	}
	if ended(ctx) {
		return Ignored
	}
	switch CodeOf(err) {
	case Unknown, DeadlineExceeded, Internal, Unavailable, DataLoss, Canceled:
		return Failure
	default:
		return Ignored
	}
}

// Expired reports whether the call ended because the caller's own deadline ran
// out. Whether this counts against the callee depends on how long the attempt
// took, so the policy that timed it decides: it is a Failure when the attempt was
// slow by the policy's own record. Thus a callee that never answers is found out,
// and a caller in a hurry blames nobody.
func Expired(ctx context.Context, err error) bool {
	return err != nil && ended(ctx) && !errors.Is(ctx.Err(), context.Canceled)
}

// ended reports whether the caller waits no more. A deadline that has passed
// counts before its timer has fired.
func ended(ctx context.Context) bool {
	if ctx.Err() != nil {
		return true
	}
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Before(deadline)
}
