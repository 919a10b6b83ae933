package fault

import (
	"context"
	"errors"
	"time"

	"github.com/sinew-go/sinew/internal/deadline"
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
// A caller who cancelled is Ignored, however the error is worded or wrapped and
// whatever the cause was. A time limit of our own, or a Canceled that came over the wire while
// ctx lives, is a Failure. A caller's mistake (4xx) is Ignored, an answer for
// overload (503) is a Failure. A caller whose deadline ran out is Ignored here;
// see [CallerExpired] and [Hurried].
func Classify(ctx context.Context, err error) Outcome {
	if err == nil {
		return Success
	}
	if ended(ctx) || Hurried(ctx, err) {
		return Ignored
	}
	switch CodeOf(err) {
	case Unknown, DeadlineExceeded, Internal, Unavailable, DataLoss, Canceled:
		return Failure
	default:
		return Ignored
	}
}

// CallerExpired reports whether the call ended because the caller's own deadline ran
// out. Whether this counts against the callee depends on how long the attempt
// took, so the policy that timed it decides: it is a Failure when the attempt was
// slow by the policy's own record. Thus a callee that never answers is found out,
// and a caller in a hurry blames nobody. A deadline that was set by somebody who is
// not trusted blames nobody however long it took; see [Hurried].
func CallerExpired(ctx context.Context, err error) bool {
	return err != nil && ended(ctx) && !errors.Is(ctx.Err(), context.Canceled) && !deadline.IsForeign(ctx)
}

// Hurried reports whether the call failed when a deadline ran out that came over
// the wire from somebody who is not trusted: here, or at a callee, which has a
// little less time and may say so in any words. It blames nobody: else a stranger
// could make a service refuse its other callers, by asking for what takes longer
// than he gives it. That nobody was there to ask is no matter of time.
func Hurried(ctx context.Context, err error) bool {
	return err != nil && deadline.ForeignExpiring(ctx) && !unreached(err)
}

// unreached says that no handler ran, for another reason than a lack of room or time.
func unreached(err error) bool {
	return IsUnprocessed(err) && CodeOf(err) == Unavailable && !IsOverloaded(err)
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
