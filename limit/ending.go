package limit

import (
	"context"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/internal/deadline"
)

// ending is what the end of a call shows of the callee's load.
type ending int

const (
	timedOut     ending = iota // no answer in time
	shedByCallee               // the callee says that it is overloaded
	failed
	neutral // nothing
)

// endingOf gets a nil err for a success whose caller had gone.
func endingOf(ctx context.Context, err error) ending {
	caller := callctx.CallerOf(ctx)
	if err == nil {
		if caller.Err() == context.Canceled || deadline.IsForeign(ctx) { //nolint:errorlint // never wrapped
			return neutral
		}
		return timedOut
	}
	switch fault.Judge(caller, err) {
	case fault.TimedOut, fault.Expired:
		return timedOut
	case fault.Overloaded:
		return shedByCallee
	case fault.Failed, fault.Unreached, fault.Relayed: // a callee that relays a failure has done its work
		return failed
	case fault.OK, fault.Refused, fault.Abandoned:
	}
	return neutral
}
