package wire

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/ellipsis"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/internal/redact"
)

const (
	// maxRemoteMessage bounds how many bytes of a callee's error message are kept.
	maxRemoteMessage = 4 << 10
	// maxWait bounds how long a callee may ask its caller to wait.
	maxWait = 24 * time.Hour
)

// Document returns the failure that a problem document describes, nil if text is none.
// status is the HTTP status that it came with; zero leaves that of the document.
func Document(text []byte, status int) (f *fault.Error) {
	var p fault.Problem
	if json.Unmarshal(text, &p) == nil {
		p.Status = cmp.Or(status, p.Status)
		f = p.Err()
		if f.Reason == fault.ReasonUnknownPath { // no handler looked for anything
			f.Code = fault.Unimplemented
		}
	}
	return f
}

// Bound bounds the texts of a failure that a callee has sent: they go into logs, and on to
// other services. A failure without a message gets the other one.
func Bound(f *fault.Error, otherwise string) *fault.Error {
	f.Message, f.Reason, f.Service = ellipsis.Cut(f.Message, maxRemoteMessage), ellipsis.Cut(f.Reason, headertext.MaxLen), ellipsis.Cut(f.Service, headertext.MaxLen)
	if f.Message == "" {
		f.Message = otherwise
	}
	return f
}

// BoundWait returns how long a caller waits if its callee asks for d.
func BoundWait(d time.Duration) time.Duration { return min(max(d, 0), maxWait) }

// PushBack applies the value of grpc-retry-pushback-ms to a failure: how long to wait, or,
// if it is negative or malformed, that the call must not be repeated.
func PushBack(f *fault.Error, value string) {
	if ms, err := strconv.ParseInt(value, 10, 32); err == nil && ms >= 0 {
		f.RetryAfter = BoundWait(time.Duration(ms) * time.Millisecond)
		return
	}
	f.Repeated = true
}

// NoAnswer is the failure of an attempt of the named operation that got no answer. Its code
// is that of ctx if that has ended, and else code, of which Unknown means that the
// connection failed in some way.
func NoAnswer(ctx context.Context, name string, code fault.Code, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		code = fault.DeadlineExceeded
	case ctx.Err() != nil:
		code = fault.Canceled
	case code == fault.Unknown:
		code = fault.Unavailable
	}
	service := "the service"
	if r := call.Of(ctx); r != nil && r.Service != "" {
		service = r.Service
	}
	f := code.Errorf("%s gave no answer to %s", service, name).WithCause(redact.Error(err)) // a URL may contain secrets
	f.Unprocessed = fault.IsUnprocessed(err)
	return f
}

// CutOff is the failure of an answer of the named operation that has begun and has no end.
// ctx is that of the answer.
func CutOff(ctx context.Context, name string, err error) error {
	code := fault.Unavailable
	switch cause := context.Cause(ctx); {
	case cause == nil && errors.Is(err, context.DeadlineExceeded):
		code = fault.DeadlineExceeded
	case cause != nil:
		code = fault.CodeOf(cause)
	}
	return code.Errorf("the answer to %s was cut off", name).WithCause(redact.Error(err))
}
