package fault

import (
	"context"
	"errors"
	"time"

	"github.com/sinew-go/sinew/internal/deadline"
)

// Verdict is what the result of a call says about the callee. Every policy decides by it;
// docs/resilience.md has a table of what each policy does.
type Verdict int

// The verdicts. Among several that fit, [Judge] says which one takes precedence.
const (
	// OK: the callee did its work.
	OK Verdict = iota
	// Failed: the callee received the call and did not do its work.
	Failed
	// TimedOut: a time limit passed that is not the caller's: one of a policy, or of the
	// callee.
	TimedOut
	// Unreached: no connection was made, so no instance received the call.
	Unreached
	// Relayed: the callee passes on the failure of a service that it called, and is healthy itself.
	Relayed
	// Overloaded: the callee is healthy and has no capacity for the call.
	Overloaded
	// Refused: the callee refused the call because of the caller's mistake or a rule (4xx).
	// It would refuse a repeat as well, unless the error has a RetryAfter.
	Refused
	// Expired: the caller's own deadline passed. Whether the callee is to blame depends on
	// how long the attempt took, which the policy that timed it knows. Thus a callee that
	// never answers is noticed, and a caller with little time blames nobody.
	Expired
	// Abandoned: the caller has cancelled, or a deadline passed that an untrusted caller has
	// set. The verdict blames nobody, however long the attempt took: otherwise a stranger
	// could make a service refuse its other callers, by sending requests that need more
	// time than they allow.
	Abandoned
)

var verdicts = [...]struct {
	name    string
	outcome Outcome
}{
	OK:         {"ok", Success},
	Failed:     {"failed", Failure},
	TimedOut:   {"timed_out", Failure},
	Unreached:  {"unreached", Failure},
	Relayed:    {"relayed", Failure},
	Overloaded: {"overloaded", Failure},
	Refused:    {"refused", Ignored},
	Expired:    {"expired", Ignored},
	Abandoned:  {"abandoned", Ignored},
}

// String returns the verdict in snake case: "timed_out".
func (v Verdict) String() string { return verdicts[v].name }

// Outcome returns the verdict in brief: whether the call succeeded, failed, or says
// nothing about the callee. A policy that needs more uses the verdict itself, as a breaker
// does for Relayed.
func (v Verdict) Outcome() Outcome { return verdicts[v].outcome }

// Outcome is a [Verdict] in brief.
type Outcome int

// The outcomes.
const (
	Success Outcome = iota // the callee did its work
	Failure                // the caller got no answer that it can use
	Ignored                // the result says nothing about the callee
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

// Judge returns what the result err of a call says about the callee. ctx is the caller's
// own context, not one to which a policy has added a time limit.
//
// A nil err is OK, even if ctx has ended. Otherwise what matters first is whether the
// caller still waits, so Abandoned and Expired take precedence over everything that the error
// says: if the caller has cancelled, the verdict is Abandoned, however the error is worded or
// wrapped. A Canceled that arrived over the wire while ctx has not ended is Failed.
func Judge(ctx context.Context, err error) Verdict {
	switch code := CodeOf(err); {
	case err == nil:
		return OK
	case hurried(ctx, err):
		return Abandoned
	case ended(ctx):
		if errors.Is(ctx.Err(), context.Canceled) || deadline.IsForeign(ctx) {
			return Abandoned
		}
		return Expired
	case !code.isFailure():
		return Refused
	case isRelayed(err):
		return Relayed
	case isOverloaded(err):
		return Overloaded
	case isUnreached(err):
		return Unreached
	case code == DeadlineExceeded:
		return TimedOut
	default:
		return Failed
	}
}

// isFailure reports whether an error of this class leaves the caller without an answer
// that it can use.
func (c Code) isFailure() bool {
	switch c {
	case Unknown, DeadlineExceeded, Internal, Unavailable, DataLoss, Canceled:
		return true
	default:
		return false
	}
}

// isRelayed reports whether the service that answered has passed on the failure of another
// one.
func isRelayed(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Relayed
}

// isOverloaded reports whether err is the refusal of a limit: ours, or that of a foreign
// server, which gives no reason but a Retry-After (RFC 9110, 10.2.3).
func isOverloaded(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == Unavailable && (e.Reason == ReasonOverloaded || e.Reason == "" && e.RetryAfter > 0)
}

// isUnreached reports whether no connection was made: the error is not the answer of an
// instance, but of a network that did not find one.
func isUnreached(err error) bool {
	return CodeOf(err) == Unavailable && IsUnprocessed(err) && ReasonOf(err) == "" && RetryAfter(err) == 0
}

// hurried reports whether the call failed because of a deadline that an untrusted caller
// has sent: it passed here, or at a callee, which has a little less time and may report it
// with any error. A call for which no connection was made is not hurried, since that does
// not depend on time.
func hurried(ctx context.Context, err error) bool {
	return deadline.ForeignExpiring(ctx) && (!IsUnprocessed(err) || CodeOf(err) != Unavailable || isOverloaded(err))
}

// ended reports whether the caller has stopped waiting. A deadline that has passed counts
// even before its timer fires.
func ended(ctx context.Context) bool {
	if ctx.Err() != nil {
		return true
	}
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Before(deadline)
}
