package fault

import (
	"context"
	"errors"
	"time"

	"github.com/sinew-go/sinew/internal/deadline"
)

// Verdict is what the result of a call says about the callee. Every policy decides by
// it; docs/resilience.md has a table of what each of them does.
type Verdict int

// The verdicts.
const (
	// OK: the callee did its work.
	OK Verdict = iota
	// Failed: the callee had the call and did not do its work.
	Failed
	// TimedOut: a time limit ran out that is not the caller's: one of a policy, or of the callee.
	TimedOut
	// Unreached: no connection was made; no instance had the call.
	Unreached
	// Relayed: the callee passes on the failure of a service that it called, and is healthy itself.
	Relayed
	// Overloaded: the callee is healthy and has no room for the call.
	Overloaded
	// Refused: the callee says no, and would say so again: the caller's mistake, or a rule (4xx).
	Refused
	// Expired: the caller's own deadline ran out. Whether the callee is to blame depends on
	// how long the attempt took, which the policy that timed it knows: so a callee that
	// never answers is found out, and a caller in a hurry blames nobody.
	Expired
	// Gone: the caller has cancelled, or a deadline ran out that somebody set who is not
	// trusted. It blames nobody however long it took: else a stranger could have a
	// service refused to others, by asking for what takes longer than he gives it.
	Gone
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
	Gone:       {"gone", Ignored},
}

// String is the verdict in snake case: "timed_out".
func (v Verdict) String() string { return verdicts[v].name }

// Outcome is the verdict in brief: whether the call succeeded, failed, or is no matter of
// the callee. A policy that knows better, as a breaker does of Relayed, goes by the verdict.
func (v Verdict) Outcome() Outcome { return verdicts[v].outcome }

// Outcome is a [Verdict] in brief.
type Outcome int

// The three outcomes.
const (
	Success Outcome = iota // the callee did its work
	Failure                // the caller got no answer that it can use
	Ignored                // the result says nothing about the callee
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

// Judge says what the result err of a call means for the callee. ctx is the context that
// the caller handed in, not one to which a policy added its own time limit.
//
// A caller who cancelled is Gone, however the error is worded or wrapped; a Canceled that
// came over the wire while ctx lives is Failed. What counts is whether the caller still
// waits, so Gone and Expired come before all that the error says.
func Judge(ctx context.Context, err error) Verdict {
	switch code := CodeOf(err); {
	case err == nil:
		return OK
	case hurried(ctx, err):
		return Gone
	case ended(ctx):
		if errors.Is(ctx.Err(), context.Canceled) || deadline.IsForeign(ctx) {
			return Gone
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

// isFailure says that an error of this class leaves the caller without an answer that it could use.
func (c Code) isFailure() bool {
	switch c {
	case Unknown, DeadlineExceeded, Internal, Unavailable, DataLoss, Canceled:
		return true
	default:
		return false
	}
}

// isRelayed says that the service which answered has passed on the failure of another one.
func isRelayed(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Relayed
}

// isOverloaded says that err is the refusal of a limit, ours or that of a foreign server,
// which gives no reason and says when to come again (RFC 9110, 10.2.3).
func isOverloaded(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == Unavailable && (e.Reason == ReasonOverloaded || e.Reason == "" && e.RetryAfter > 0)
}

// isUnreached says that no connection was made: no instance has answered, but the
// network did not find one.
func isUnreached(err error) bool {
	return CodeOf(err) == Unavailable && IsUnprocessed(err) && ReasonOf(err) == "" && RetryAfter(err) == 0
}

// hurried says that a deadline ran out that came over the wire from somebody who is not
// trusted: here, or at a callee, which has a little less time and may say so in any
// words. That no connection was made is no matter of time.
func hurried(ctx context.Context, err error) bool {
	return deadline.ForeignExpiring(ctx) && (!IsUnprocessed(err) || CodeOf(err) != Unavailable || isOverloaded(err))
}

// ended says that the caller waits no more. A deadline that has passed counts before its
// timer has fired.
func ended(ctx context.Context) bool {
	if ctx.Err() != nil {
		return true
	}
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Before(deadline)
}
