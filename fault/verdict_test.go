package fault_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// late is a context whose deadline has passed and whose timer has not fired yet.
type late struct{ context.Context }

func (late) Deadline() (time.Time, bool) { return time.Now().Add(-time.Second), true }

func TestJudge(t *testing.T) {
	waits := context.Background()
	cancelled, cancel := context.WithCancel(waits)
	cancel()
	caused, cancelCause := context.WithCancelCause(waits)
	hungUp := errors.New("client hung up")
	cancelCause(hungUp)
	over, stop := context.WithDeadline(waits, time.Now().Add(-time.Second))
	defer stop()
	dial := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	relayed := fault.Problem{Code: "unavailable", Status: 503, Service: "stock"}.Err()
	relayedMistake := fault.Problem{Code: "not_found", Status: 404, Service: "stock"}.Err()
	for _, c := range []struct {
		name   string
		caller context.Context
		err    error
		want   fault.Verdict
	}{
		{"success", waits, nil, fault.OK},
		{"success that came late", over, nil, fault.OK},

		{"cancelled", cancelled, context.Canceled, fault.Abandoned},
		{"cancelled, wrapped", cancelled, fmt.Errorf("get: %w", context.Canceled), fault.Abandoned},
		{"cancelled, as a string", cancelled, errors.New("context canceled"), fault.Abandoned},
		{"cancelled with a cause", caused, hungUp, fault.Abandoned},
		{"cancelled, and the callee relays", cancelled, relayed, fault.Abandoned},

		{"caller's deadline", over, context.DeadlineExceeded, fault.Expired},
		{"caller's deadline, in other words", over, errors.New("broke off"), fault.Expired},
		{"caller's deadline before its timer fires", late{waits}, fault.Unavailable.Errorf("broke off"), fault.Expired},
		{"caller's deadline, and the callee relays", over, relayed, fault.Expired},

		{"time limit of our own", waits, context.DeadlineExceeded, fault.TimedOut},
		{"callee's time limit", waits, fault.DeadlineExceeded.Errorf("slow"), fault.TimedOut},

		{"connection refused", waits, dial, fault.Unreached},
		{"connection refused, as a fault", waits, fault.Unavailable.Errorf("no connection: %w", dial).WithUnprocessed(), fault.Unreached},
		{"connection refused, wrapped", waits, fmt.Errorf("x: %w", fault.Unavailable.Errorf("refused").WithUnprocessed()), fault.Unreached},
		{"unprocessed for a reason", waits, fault.Unavailable.Errorf("going").WithReason("draining").WithUnprocessed(), fault.Failed},
		{"connection torn off", waits, &net.OpError{Op: "read", Err: syscall.ECONNRESET}, fault.Failed},

		{"relayed", waits, relayed, fault.Relayed},
		{"relayed mistake", waits, relayedMistake, fault.Refused},

		{"refusal of a limit", waits, fault.Unavailable.Errorf("full").WithReason(fault.ReasonOverloaded).WithUnprocessed(), fault.Overloaded},
		{"503 that asks to wait", waits, fault.Unavailable.Errorf("later").WithRetryAfter(time.Second), fault.Overloaded},
		{"open breaker", waits, fault.Unavailable.Errorf("open").WithReason(fault.ReasonBreakerOpen).WithRetryAfter(time.Second), fault.Failed},
		{"plain 503", waits, fault.Unavailable.Errorf("down"), fault.Failed},

		{"error of no class", waits, errors.New("boom"), fault.Failed},
		{"canceled that came over the wire", waits, fault.Canceled.Errorf("x"), fault.Failed},
		{"internal", waits, fault.Internal.Errorf("x"), fault.Failed},
		{"data loss", waits, fault.DataLoss.Errorf("x"), fault.Failed},

		{"invalid argument", waits, fault.InvalidArgument.Errorf("x"), fault.Refused},
		{"not found", waits, fault.NotFound.Errorf("x"), fault.Refused},
		{"already exists", waits, fault.AlreadyExists.Errorf("x"), fault.Refused},
		{"permission denied", waits, fault.PermissionDenied.Errorf("x"), fault.Refused},
		{"resource exhausted", waits, fault.ResourceExhausted.Errorf("x").WithRetryAfter(time.Second), fault.Refused},
		{"failed precondition", waits, fault.FailedPrecondition.Errorf("x"), fault.Refused},
		{"aborted", waits, fault.Aborted.Errorf("x"), fault.Refused},
		{"out of range", waits, fault.OutOfRange.Errorf("x"), fault.Refused},
		{"unimplemented", waits, fault.Unimplemented.Errorf("x"), fault.Refused},
		{"unauthenticated", waits, fault.Unauthenticated.Errorf("x"), fault.Refused},
	} {
		if got := fault.Judge(c.caller, c.err); got != c.want {
			t.Errorf("%s is judged %s, want %s", c.name, got, c.want)
		}
	}
}

func TestVerdictInBrief(t *testing.T) {
	for _, c := range []struct {
		verdict fault.Verdict
		name    string
		want    fault.Outcome
	}{
		{fault.OK, "ok", fault.Success},
		{fault.Failed, "failed", fault.Failure},
		{fault.TimedOut, "timed_out", fault.Failure},
		{fault.Unreached, "unreached", fault.Failure},
		{fault.Relayed, "relayed", fault.Failure},
		{fault.Overloaded, "overloaded", fault.Failure},
		{fault.Refused, "refused", fault.Ignored},
		{fault.Expired, "expired", fault.Ignored},
		{fault.Abandoned, "abandoned", fault.Ignored},
	} {
		if got := c.verdict.Outcome(); got != c.want {
			t.Errorf("%s is a %s, want %s", c.verdict, got, c.want)
		}
		if got := c.verdict.String(); got != c.name {
			t.Errorf("verdict %d is called %s, want %s", c.verdict, got, c.name)
		}
	}
}
