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
	Ignored                // says nothing about the callee: counts nowhere, but frees what the call occupied
)

// String returns "success", "failure" or "ignored".
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

// Classify returns what the result err of a call says about the callee. ctx is the
// caller's own context, not one to which a policy has added a time limit; see
// endpoint.CallerOf.
//
// A caller that cancelled is Ignored, however the error is worded or wrapped and whatever
// the cause was. A time limit of our own, or a Canceled that arrived over the wire while
// ctx has not ended, is a Failure. A caller's mistake (4xx) is Ignored; a refusal for
// overload (503) is a Failure. A caller whose deadline passed is Ignored here; see
// [CallerExpired] and [Hurried].
func Classify(ctx context.Context, err error) Outcome {
	if err == nil {
		return Success
	}
	if hasEnded(ctx) || Hurried(ctx, err) {
		return Ignored
	}
	switch CodeOf(err) {
	case Unknown, DeadlineExceeded, Internal, Unavailable, DataLoss, Canceled:
		return Failure
	default:
		return Ignored
	}
}

// CallerExpired reports whether the call ended because the caller's own deadline passed.
// Whether that counts against the callee depends on how long the attempt took, so the
// policy that timed it decides: it is a Failure if the attempt was slow by the policy's
// own record. Thus a callee that never answers is noticed, and a caller with little time
// blames nobody. A deadline set by an untrusted caller blames nobody, however long the
// attempt took; see [Hurried].
func CallerExpired(ctx context.Context, err error) bool {
	return err != nil && hasEnded(ctx) && !errors.Is(ctx.Err(), context.Canceled) && !deadline.IsForeign(ctx)
}

// Hurried reports whether the call failed because of a deadline that an untrusted caller
// has sent: it passed here, or at a callee, which has a little less time and may report it
// with any error. Such a failure blames nobody: otherwise a stranger could make a service
// refuse its other callers, by sending requests that need more time than they allow. A
// call for which no instance could be reached is not Hurried, since that does not depend
// on time.
func Hurried(ctx context.Context, err error) bool {
	return err != nil && deadline.ForeignExpiring(ctx) && !unreached(err)
}

// unreached reports whether no handler ran for another reason than a lack of capacity or
// time.
func unreached(err error) bool {
	return IsUnprocessed(err) && CodeOf(err) == Unavailable && !IsOverloaded(err)
}

// hasEnded reports whether the caller has stopped waiting. A deadline that has passed
// counts even before its timer fires.
func hasEnded(ctx context.Context) bool {
	if ctx.Err() != nil {
		return true
	}
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Before(deadline)
}
