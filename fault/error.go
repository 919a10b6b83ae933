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
// [Code.Errorf] and the With methods; once returned it is read-only.
type Error struct {
	// Code is the class of the failure.
	Code Code
	// Message is a sentence for the caller. It leaves the process.
	Message string
	// Reason names the rule that refused, in snake case: "insufficient_stock".
	// Ask for it with [ReasonOf].
	Reason string
	// Details is more data for the caller, made of JSON values. In an Error that
	// came over a wire, numbers are [encoding/json.Number].
	Details map[string]any
	// RetryAfter is how long the caller should wait before it tries again;
	// zero says nothing.
	RetryAfter time.Duration
	// Unprocessed says that no handler ran, as when a connection was refused
	// or a limiter said no. It is the only failure after which an operation
	// that is not safe to repeat may be repeated.
	Unprocessed bool
	// Repeated says that the call was repeated already, here or further down:
	// whoever gets the Error does not repeat it again.
	Repeated bool
	// Service is the one that failed, where that is known: a client names the
	// service that it called, unless the answer has named another one.
	Service string
	// Relayed says that the failure is not that of the service which answered,
	// but came to it from Service, which it had called. See [IsRelayed].
	Relayed bool
	// Status is the HTTP status where it says more than the code does (405,
	// 413, 415, 422); zero is the code's own.
	Status int

	cause error
}

// Errorf makes an Error of this class. Errors given for %w become its cause:
// errors.Is and errors.As find them, Error() shows them, and they are left out
// of Message. What one of them says of Repeated and Service is said by the new one,
// too.
func (c Code) Errorf(format string, args ...any) *Error {
	e := &Error{Code: c.known()}
	if !wraps(format) {
		e.Message = fmt.Sprintf(format, args...)
		return e
	}
	e.Message = message(format, args)
	switch w := fmt.Errorf(format, args...).(type) { //nolint:errorlint // it is what is made here
	case interface{ Unwrap() error }:
		e.because(w.Unwrap())
	case interface{ Unwrap() []error }:
		e.because(errors.Join(w.Unwrap()...))
		e.Repeated = slices.ContainsFunc(w.Unwrap(), IsRepeated)
	}
	return e
}

// because takes over what a cause says to those who get the Error.
func (e *Error) because(cause error) {
	e.cause = cause
	if below, ok := errors.AsType[*Error](cause); ok {
		e.Repeated = e.Repeated || below.Repeated
		if e.Service == "" {
			e.Service, e.Relayed = below.Service, below.Relayed
		}
	}
}

// WithReason names the rule that refused.
func (e *Error) WithReason(reason string) *Error { e.Reason = reason; return e }

// WithDetail adds one value to Details.
func (e *Error) WithDetail(key string, value any) *Error {
	if e.Details == nil {
		e.Details = map[string]any{}
	}
	e.Details[key] = value
	return e
}

// WithRetryAfter says how long to wait before the next try.
func (e *Error) WithRetryAfter(d time.Duration) *Error { e.RetryAfter = d; return e }

// WithUnprocessed says that no handler ran.
func (e *Error) WithUnprocessed() *Error { e.Unprocessed = true; return e }

// WithRepeated says that the call was repeated already.
func (e *Error) WithRepeated() *Error { e.Repeated = true; return e }

// WithStatus sets the HTTP status where the code's own says too little.
func (e *Error) WithStatus(status int) *Error { e.Status = status; return e }

// WithCause adds what lies beneath, for the log alone, but for what it says of
// Repeated and Service.
func (e *Error) WithCause(cause error) *Error { e.because(cause); return e }

// Error is the text for a log: class, message, reason and cause.
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

// Unwrap is the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is the Error's code.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// CodeOf is the class of any error: that of the outermost Error or Code in its
// chain, of a context or network error, and else [Unknown]. It is 0 for nil.
func CodeOf(err error) Code {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code.known()
	}
	if c, ok := errors.AsType[Code](err); ok {
		return c.known()
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

// ReasonOf is the rule that refused, "" when err does not say.
func ReasonOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return ""
}

// IsUnprocessed reports whether err says that no handler ran: an Error marked
// so, or a connection that was never made.
func IsUnprocessed(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Unprocessed
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// IsUnreached reports whether err says that nobody took the connection: no answer
// of an instance, but of the network that did not find one.
func IsUnreached(err error) bool {
	return CodeOf(err) == Unavailable && IsUnprocessed(err) && ReasonOf(err) == "" && RetryAfter(err) == 0
}

// IsRepeated reports whether err says that the call was repeated already.
func IsRepeated(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Repeated
}

// IsOverloaded reports whether err is the refusal of a limit, before any handler
// ran: the instance that answers so is healthy, but has no room.
func IsOverloaded(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Reason == "overloaded" && e.Unprocessed
}

// IsRelayed reports whether err says that the service which answered has passed
// on the failure of another service. A gateway that relays an error is itself
// healthy: do not eject it, nor open a breaker for it.
func IsRelayed(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Relayed
}

// MarkRepeated returns err, which must not be nil, marked as the error of a call that
// was repeated already.
func MarkRepeated(err error) error {
	marked := marked(err)
	marked.Repeated = true
	return marked
}

// WithService returns err, which must not be nil, as the failure of a service that was
// called, unless it names one already.
func WithService(err error, service string) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Service != "" {
		return err
	}
	marked := marked(err)
	marked.Service = service
	return marked
}

// marked is a copy of the Error in err, around err where there is more to it.
func marked(err error) *Error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return CodeOf(err).Errorf("%s", discreet(CodeOf(err))).WithCause(err)
	}
	marked := *e
	if err != error(e) { //nolint:errorlint // is it this very one, or around it
		marked.cause = err
	}
	return &marked
}

// RetryAfter is how long err asks to wait before the next try, zero when it
// does not say.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}
