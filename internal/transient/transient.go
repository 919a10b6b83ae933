// Package transient says which failures may pass, for those who can wait longer than a
// call: handlers of events and steps of sagas.
package transient

import (
	"context"

	"github.com/sinew-go/sinew/fault"
)

// Is reports whether another attempt may succeed: after what [fault.Judge] calls Failed,
// TimedOut, Unreached, Relayed or Overloaded, except fault.DataLoss; and after a refusal
// that has a RetryAfter and is fault.Aborted, fault.ResourceExhausted or unprocessed. A
// call that a callee has repeated is repeated as well, because an event, or a step, can
// wait longer than a call. ctx is the caller's own context.
func Is(ctx context.Context, err error) bool {
	code := fault.CodeOf(err)
	switch fault.Judge(ctx, err) {
	case fault.Failed, fault.TimedOut, fault.Unreached, fault.Relayed, fault.Overloaded:
		return code != fault.DataLoss
	case fault.Refused:
		later := code == fault.Aborted || code == fault.ResourceExhausted || fault.IsUnprocessed(err)
		return later && fault.RetryAfter(err) > 0
	case fault.OK, fault.Expired, fault.Abandoned:
	}
	return false
}
