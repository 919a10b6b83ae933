// Package retry repeats failed attempts where that does no harm, and hedges slow ones.
//
//	ep = ep.With(retry.Policy{Attempts: 3}.Middleware())
//	ep = ep.With(retry.Policy{Hedge: retry.Hedge{Percent: 2}}.Middleware())
//
// # What is repeated
//
// An attempt whose verdict by fault.Judge is Failed, TimedOut, Unreached or Relayed is
// repeated if the operation is safe to repeat. An attempt of another operation is repeated
// only if the error says that no handler ran. These rules come on top:
//
//   - If the error has a RetryAfter, the repeat waits for that long at least, and is not
//     made at all if the caller's deadline is earlier.
//   - A refusal for overload is repeated only if it has a RetryAfter.
//   - An error that blames the caller (4xx) is repeated only if it has a RetryAfter and is
//     Unprocessed or, of a safe operation, fault.Aborted or fault.ResourceExhausted.
//   - fault.DataLoss is not repeated, unless no handler ran.
//   - An open breaker is asked again if it says that it admits probes soon, as it does
//     just after it has opened: a call waits for a breaker for 150 ms in all. Nothing was
//     sent, so this is no further attempt, and the number of the last attempt stays.
//
// A middleware reads from the call.Record of the call whether the operation is safe. The
// operation counts as safe if there is no such record, as in a chain of middlewares that is
// used without a client of sinew, or if the record has no Operation.
//
// # What is hedged
//
// With [Hedge], a second attempt starts beside a first attempt of a safe operation that
// takes longer than most. The first success counts, the other attempt is cancelled, and
// both have ended before the call returns. After a failure of one attempt, the call waits
// for the other, so a refusal of the second never replaces the answer of the first.
// [Retrier.Race] hedges an attempt that is known to be at risk.
//
// # Guarantees
//
// Waits have decorrelated jitter, and end with the caller's context. No attempt starts that
// cannot end before the caller's deadline, judged by the quickest attempt of the call.
//
// In any second, repeats that do not succeed, and hedges, together never exceed the
// [Budget], which is the larger of a share of the calls and a rate. Up to 200 further
// repeats follow after repeats that succeeded, or after a first attempt that succeeded
// while other calls failed: repeats continue while they help, and stop when they do not. A
// repeat after a refused connection does not count, unless three such repeats have been
// made since a repeat last succeeded. A first attempt is made even if the budget is spent.
//
// The repeats of several tiers do not multiply. A call whose error says that it was repeated
// already (fault.IsRepeated) is not repeated again, nor is a call that is itself a repeat
// or a hedge. The error of a call that was repeated, or that the budget refused to repeat,
// says so.
//
// A call whose first attempt succeeds allocates nothing, locks nothing, and reads the clock
// only if it has a deadline. With Hedge, each call allocates, locks and reads the clock.
package retry
