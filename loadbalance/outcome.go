package loadbalance

import (
	"context"
	"errors"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
)

// outcome is what the end of an attempt shows of the instance.
type outcome int

const (
	success outcome = iota
	refused         // the instance works, and does not serve the call
	failed
	expired   // the caller's time ran out
	cancelled // nothing
)

// outcomeOf says what the end of an attempt shows of the instance, and whether no connection
// was made. ctx is the context of the attempt: an attempt that was cancelled there, as
// a hedge is when the other attempt wins, shows nothing; a timeout of a policy shows a failure.
//
// An instance that relays failures has failed: another one may reach what this one does
// not, and where all relay alike none is ejected.
func outcomeOf(ctx context.Context, err error) (result outcome, unreached bool) {
	switch v := fault.Judge(callctx.CallerOf(ctx), err); {
	case v == fault.OK:
		return success, false
	case v == fault.Expired:
		return expired, false
	case v == fault.Abandoned, errors.Is(ctx.Err(), context.Canceled):
		return cancelled, v == fault.Unreached
	case v == fault.Overloaded, v == fault.Refused:
		return refused, false
	default:
		return failed, v == fault.Unreached
	}
}

// expiredOutcome judges a call whose caller's time ran out, by the mean latency of its
// instance and by how long a call to another one takes at most. It is cancelled if a call
// to this instance may take that long, refused if the others are as slow, as in an overload
// of all, and failed otherwise. All times are in ns.
func expiredOutcome(took, mean, others float64) outcome {
	switch {
	case mean == 0 || took <= 2*mean:
		return cancelled
	case took <= others:
		return refused
	}
	return failed
}
