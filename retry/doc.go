// Package retry repeats failed attempts where that does no harm.
//
//	ep = ep.With(retry.Policy{Attempts: 3}.Middleware())
//
// # What is repeated
//
// An attempt that failed (see [fault.Classify]) of an operation that is safe to
// repeat. Other operations are repeated only when the error says that no handler
// ran. An answer that asks to wait, by its RetryAfter, is repeated after that
// wait. An open breaker is not asked again. A middleware takes from the
// [endpoint.Call] whether the operation is safe; a chain built by hand, without
// one, counts as safe.
//
// # Guarantees
//
// Waits have decorrelated jitter. No attempt is begun that cannot end in the
// caller's time, going by how long this call's attempts took. Repeats never
// exceed the budget: a share of the calls of the last 10 s, and a floor. Tiers
// do not multiply: an error that says it was repeated already, or a call that
// is itself a repeat, is not repeated again, and the error of a repeated call
// says so. The wait ends with the caller's context.
package retry
