// Package fault says what went wrong in a call between services, in a form that survives a
// network hop.
//
// A [Code] is a class of failure, numbered as in gRPC. It is itself an error, so that
// errors.Is finds it anywhere:
//
//	err := fault.NotFound.Errorf("order %s", id)
//	errors.Is(err, fault.NotFound) // true, after any number of wraps and hops
//
// # What leaves the process
//
// A caller sees only Message, Reason and Details of an [Error]. A cause, given to Errorf
// with %w or to [Error.WithCause], stays in the log. An error that is not an *Error leaves
// the process as its code only.
//
// # Verdicts
//
// Every policy (breaker, limit, balancer, retry) asks [Judge] what a result says about the
// callee, and does one thing for each [Verdict]. Judge needs the caller's context, since
// the error alone cannot tell whether the caller gave up or the callee failed.
// [Verdict.Outcome] is the answer in brief.
//
// # Wires
//
// A fault maps to and from an HTTP status, a gRPC status number (the value of the Code)
// and the application/problem+json document of RFC 9457 ([Problem]).
//
// Everything here is safe for concurrent use, except the With methods of an Error that is
// still being built.
package fault
