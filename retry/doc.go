// Package retry repeats failed attempts where that does no harm, and hedges slow
// ones.
//
//	ep = ep.With(retry.Policy{Attempts: 3}.Middleware())
//	ep = ep.With(retry.Policy{Hedge: retry.Hedge{Percent: 2}}.Middleware())
//
// # What is repeated
//
// An attempt that failed (see [fault.Classify]) of an operation that is safe to
// repeat. Other operations are repeated only when the error says that no handler
// ran. An answer that asks to wait, by its RetryAfter, is repeated after that
// wait, and not at all where the caller's time ends before. A limiter that
// is full is asked again only if it says when. An open breaker is asked again while it
// says that it tries again soon, as it does when it opened a moment ago: a call waits
// 150 ms for it in all. That is no attempt, since nobody hears of it, and keeps the number
// of the last one. A middleware takes from the [endpoint.Call] whether the operation is
// safe; a chain built by hand, without one, counts as safe.
//
// # What is hedged
//
// With [Hedge], a first attempt of a safe operation that takes longer than most
// gets a second one at the same time. The first success counts, the other attempt
// is cancelled, and both have ended before the call returns. A failure waits for
// the other attempt, and so a refusal of the double never beats the original.
// [Retrier.Race] hedges an attempt that is known to be at risk.
//
// # Guarantees
//
// Waits have decorrelated jitter. No attempt is started that cannot end in the
// caller's time, going by how long this call's attempts took. Repeats that
// do not succeed, and hedges, together never exceed the [Budget], the larger of a
// share of the calls and a rate, in any second, but for up to 200 after repeats that
// succeeded, or after a call that did while others failed: they go on while they help,
// and stop when they do not. A repeat after a
// connection that nobody took is not counted against it, unless three have been made
// since one succeeded. A budget that is spent fails
// no first attempt. Tiers do not
// multiply: an error that says it was repeated already, or a call that is itself a
// repeat or a hedge, is not repeated again, and the error of a call that was
// repeated, or that the budget refused to repeat, says so. The wait ends with the
// caller's context. A call that succeeds at once costs no allocation, no lock, and
// no look at the clock unless it has a deadline.
package retry
