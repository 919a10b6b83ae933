// Package fault says what went wrong in a call between services, in a form that survives a
// network hop.
//
// A [Code] is a class of failure, numbered as in gRPC. A Code is itself an error, so that
// errors.Is finds it in every error of its class:
//
//	err := fault.NotFound.Errorf("order %s", id)
//	errors.Is(err, fault.NotFound) // true, after any number of wraps and hops
//
// # What leaves the process
//
// A caller sees the exported fields of an [Error], of Message at most 4 KiB. It never sees
// the cause, which [Code.Errorf] gets with %w, or [Error.WithCause]: the cause is part of
// the text of the error, for the log. Of an error that is not an *Error the caller sees
// the code only.
//
// A request that is refused for what is in it has a [Violation] for each fault, which its
// caller finds in the field Violations of the Error.
//
// # Verdicts
//
// Every policy (breaker, limit, balancer, retry) asks [Judge] what a result says about the
// callee, and does one thing for each [Verdict]. Judge needs the caller's context, since
// the error alone does not show whether the caller gave up or the callee failed.
// [Verdict.Outcome] is the answer in brief.
//
// # Wires
//
// A fault maps to and from an HTTP status, a gRPC status number (the value of the Code)
// and the application/problem+json document of RFC 9457 ([Problem]).
//
// All functions and methods are safe for concurrent use, except those that write to their
// receiver: the With methods of an Error, and the Unmarshal methods.
package fault
