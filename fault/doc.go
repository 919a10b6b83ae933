// Package fault says what went wrong in a call between services, in words that
// survive a network hop.
//
// A [Code] is a class of failure, numbered as gRPC numbers them, and is itself
// an error, so that it can be asked for anywhere:
//
//	err := fault.NotFound.Errorf("order %s", id)
//	errors.Is(err, fault.NotFound) // true, after any number of wraps and hops
//
// # What leaves the process
//
// Only Message, Reason and Details of an [Error] are shown to a caller. A
// cause, given to Errorf by %w or to [Error.WithCause], stays in the log. An
// error that is no *Error leaves as its code alone.
//
// # Outcomes
//
// Every policy (breaker, retry, balancer) asks [Classify] what a result means:
// [Success], [Failure] of the callee, or [Ignored], which counts nowhere. The
// answer needs the caller's context, since the error alone cannot tell a
// caller who hung up from a callee that broke off.
//
// # Wires
//
// A fault maps to and from an HTTP status, a gRPC status number (the value of
// the Code) and the application/problem+json document of RFC 9457 ([Problem]).
//
// Everything here is safe for concurrent use, except the With methods of an
// Error that is still being built.
package fault
