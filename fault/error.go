package fault

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"
	"time"
)

// Error is a failure with what its receiver needs to act on it. Make one with
// [Code.Errorf] and the With methods. It is read-only after it is returned.
type Error struct {
	// Code is the class of the failure.
	Code Code
	// Message is a sentence for the caller, who sees at most the first 4 KiB of it.
	Message string
	// Reason names the rule that refused, in snake case: "insufficient_stock". [ReasonOf]
	// returns it.
	Reason string
	// Violations are what is wrong with which parts of the request; the caller sees the
	// first 20. If the Error is Relayed, they are faults of the request to Service.
	Violations []Violation
	// Details is further data for the caller, made of JSON values. In an Error that
	// arrived over a wire, numbers are [encoding/json.Number].
	Details map[string]any
	// RetryAfter is how long the caller should wait before it repeats the call; zero says
	// nothing.
	RetryAfter time.Duration
	// Unprocessed says that no handler ran, for example because a connection was refused
	// or a limit refused the call. Only after such a failure may an operation be repeated
	// that is not safe to repeat.
	Unprocessed bool
	// Repeated says that the call was repeated already, here or further down: the receiver
	// of the Error must not repeat it again.
	Repeated bool
	// Service is the name of the service that failed, if known: a client sets it to the
	// service that it called, unless the answer names another one.
	Service string
	// Relayed says that the service which answered did not fail itself: the failure came
	// to it from Service, which it had called. See [Relayed].
	Relayed bool
	// Status is the HTTP status if it says more than the code does (405, 413, 415, 422);
	// zero means the code's own.
	Status int

	cause error
}

// Errorf makes an Error of this class. Errors given for %w become its cause: errors.Is and
// errors.As find them, Error() shows them, and Message does not. The new Error inherits
// Repeated, Service and Relayed from them.
func (c Code) Errorf(format string, args ...any) *Error {
	e := &Error{Code: c.orUnknown()}
	if !hasWrapVerb(format) {
		e.Message = fmt.Sprintf(format, args...)
		return e
	}
	e.Message = messageOf(format, args)
	switch w := fmt.Errorf(format, args...).(type) { //nolint:errorlint // made on this line, so not wrapped
	case interface{ Unwrap() error }:
		e.setCause(w.Unwrap())
	case interface{ Unwrap() []error }:
		e.setCause(errors.Join(w.Unwrap()...))
		e.Repeated = slices.ContainsFunc(w.Unwrap(), IsRepeated)
	}
	return e
}

// setCause sets the cause, and inherits Repeated and Service from it.
func (e *Error) setCause(cause error) {
	e.cause = cause
	if inner, ok := errors.AsType[*Error](cause); ok {
		e.Repeated = e.Repeated || inner.Repeated
		if e.Service == "" {
			e.Service, e.Relayed = inner.Service, inner.Relayed
		}
	}
}

// WithReason sets the name of the rule that refused, in snake case.
func (e *Error) WithReason(reason string) *Error { e.Reason = reason; return e }

// WithDetail adds one value to Details.
func (e *Error) WithDetail(key string, value any) *Error {
	if e.Details == nil {
		e.Details = map[string]any{}
	}
	e.Details[key] = value
	return e
}

// WithRetryAfter sets how long the caller should wait before it repeats the call.
func (e *Error) WithRetryAfter(d time.Duration) *Error { e.RetryAfter = d; return e }

// WithUnprocessed marks the Error: no handler ran.
func (e *Error) WithUnprocessed() *Error { e.Unprocessed = true; return e }

// WithRepeated marks the Error: the call was repeated already, and must not be repeated
// again.
func (e *Error) WithRepeated() *Error { e.Repeated = true; return e }

// WithStatus sets the HTTP status, for where the status of the code says too little. A
// problem document ignores a status outside of 400 to 599.
func (e *Error) WithStatus(status int) *Error { e.Status = status; return e }

// WithCause sets the cause, which is for the log only. If the cause has an Error in its
// chain, this Error inherits Repeated from that one, and Service and Relayed unless it has
// a Service.
func (e *Error) WithCause(cause error) *Error { e.setCause(cause); return e }

// Error returns the text for a log: class, message, reason and cause.
func (e *Error) Error() string {
	text := e.Code.Error()
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Reason != "" {
		text += " (" + e.Reason + ")"
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is the Error's code. errors.Is calls it.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// CodeOf returns the class of any error: that of the outermost [Error] in its chain, else
// of the outermost Code. Without either, a context's error and a timeout of the network
// are [Canceled] or [DeadlineExceeded], another network error is [Unavailable], and
// everything else is [Unknown]. CodeOf returns 0 for nil.
func CodeOf(err error) Code {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code.orUnknown()
	}
	if c, ok := errors.AsType[Code](err); ok {
		return c.orUnknown()
	}
	switch {
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return DeadlineExceeded
	}
	if n, ok := errors.AsType[net.Error](err); ok {
		if n.Timeout() {
			return DeadlineExceeded
		}
		return Unavailable
	}
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed) {
		return Unavailable
	}
	return Unknown
}

// ReasonOf returns the Reason of the [Error] in err's chain: the name of the rule that
// refused. It returns "" if err has none.
func ReasonOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return ""
}

// IsUnprocessed reports whether err says that no handler ran: err is an [Error] with
// Unprocessed, or, without an Error in its chain, says that no connection was made.
func IsUnprocessed(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Unprocessed
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// IsRepeated reports whether err says that a tier has repeated the call already, so that
// no other tier may repeat it.
func IsRepeated(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Repeated
}

// MarkRepeated returns a copy of err, which must not be nil, that says that the call was
// repeated already: see [IsRepeated]. err itself is unchanged.
func MarkRepeated(err error) error {
	marked := copyError(err)
	marked.Repeated = true
	return marked
}

// WithService returns a copy of err, which must not be nil, as the failure of the given
// service. If err names a service already, WithService returns err itself.
func WithService(err error, service string) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Service != "" {
		return err
	}
	marked := copyError(err)
	marked.Service = service
	return marked
}

// copyError returns a copy of the Error in err. If err is more than that Error, err is the
// copy's cause.
func copyError(err error) *Error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return CodeOf(err).Errorf("%s", publicText(CodeOf(err))).WithCause(err)
	}
	marked := *e
	if err != error(e) { //nolint:errorlint // whether it is this very Error, not one around it
		marked.cause = err
	}
	return &marked
}

// RetryAfter returns how long err asks the caller to wait before it repeats the call. It
// returns zero if err does not say.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}
