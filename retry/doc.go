// Package retry repeats failed attempts where that does no harm, and hedges slow ones.
//
//	ep = ep.With(retry.Policy{Attempts: 3}.Middleware())
//	ep = ep.With(retry.Policy{Hedge: retry.Hedge{Percent: 2}}.Middleware())
//
// # What is repeated
//
// A failed attempt (see [fault.Judge]) of an operation that is safe to repeat. An
// attempt of another operation is repeated only if the error says that no handler ran.
//
//   - An answer with a RetryAfter is repeated after that wait, and not at all if the
//     caller's time ends before.
//   - A full limiter is called again only if its refusal has a RetryAfter.
//   - An open breaker is called again if it says that it admits probes soon, as it does
//     just after it has opened: a call waits for it for 150 ms in all. Nothing was sent,
//     so this is no further attempt, and the number of the last attempt stays.
//
// A middleware reads from the [call.Record] whether the operation is safe; a chain built
// by hand, without a Call, counts as safe.
//
// # What is hedged
//
// With [Hedge], a first attempt of a safe operation that takes longer than most gets a
// second one at the same time. The first success counts, the other attempt is cancelled,
// and both have ended before the call returns. A failure waits for the other attempt, so
// a refusal of the second never replaces the first's answer. [Retrier.Race] hedges an
// attempt that is known to be at risk.
//
// # Guarantees
//
// Waits have decorrelated jitter, and end with the caller's context. No attempt starts
// that cannot end in the caller's time, judged by the duration of this call's attempts.
//
// Repeats that do not succeed, and hedges, together never exceed the [Budget], the larger
// of a share of the calls and a rate, in any second. Up to 200 more follow after repeats
// that succeeded, or after a call that did while others failed: repeats continue while
// they help, and stop when they do not. A repeat after a refused connection does not
// count, unless three have been made since one succeeded. A spent budget fails no first
// attempt.
//
// Tiers do not multiply. An error that was repeated already is not repeated again, nor is
// a call that is itself a repeat or a hedge. The error of a call that was repeated, or
// that the budget refused to repeat, is marked so.
//
// A call whose first attempt succeeds allocates nothing, locks nothing, and reads the clock
// only if it has a deadline.
package retry
