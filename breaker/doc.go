// Package breaker stops calls to a callee that fails, and admits a few probes to see
// whether it works again.
//
//	orders := breaker.New("orders", breaker.Policy{})
//	ep = ep.With(orders.Middleware())
//
// A [Circuit] is closed while calls succeed. With the zero [Policy] it opens when none
// succeeds any more and refuses calls for the policy's Timeout. Then it is half-open: it
// admits probes, and closes when one succeeds. Once it is sure that nothing succeeds, a
// failed probe opens it again, for a twenty-fourth of the time without any success,
// up to MaxTimeout. A [Group] has a circuit per key: per service, instance or tenant. By
// hand, a circuit is forced open or closed until it is released.
//
// # When it opens
//
// The zero Policy opens where calling is worse than refusing: at least MinCalls calls in
// a row have failed, over 250 ms or more, and such a row would happen by chance less than
// once in a million times. The chance is computed from the share of failures before the
// row: of the latest 200 calls, or of those since 20 calls in a row succeeded, whichever
// is more. So it stays closed
//
//   - while some calls succeed: half of them, a tenth, those of two operations of five,
//     those of other tenants or keys. Retries handle the failures;
//   - at a burst of failures in one moment, however many calls fail in it;
//   - while calls are slow and succeed.
//
// Where most calls start to fail at once (nine of ten, say), the first row may open the
// circuit by mistake. So it is sure only when eight times MinCalls have failed in a row,
// 160 by default, or when a call could not reach the callee or ran out of time. Until then
// up to three probes at once follow each other without a pause. That row and the probes
// count when the circuit is closed again, so the same share of failures does not open it a
// second time.
//
// FailurePercent and SlowPercent open it as well, for a share of the calls in Window: set
// them if the callee must be protected before nothing works at all. With a
// FailureThreshold it opens after so many failures in a row, and for nothing else. With
// any of these it is sure at once.
//
// # Guarantees
//
// At any moment at most MaxRequests probes are in flight (or three, until the circuit is
// sure that nothing succeeds), including those of an earlier half-open state. A retry
// ([call.Record].Attempt) is no probe. A probe has a lease, which ends when its call
// ends, in whatever way, and expires after ProbeLease if it never does. The result of a
// call that started before the last change of state counts in the statistics, ends its
// lease, and changes nothing else. A refusal is no failure: it is fault.Unavailable with
// reason breaker_open, Unprocessed, and the time to wait in RetryAfter, at most a hundredth
// too long.
//
// [fault.Judge] decides what counts as a failure: [fault.Failed], [fault.TimedOut] and
// [fault.Unreached] do. [fault.Relayed] and [fault.Overloaded] do not, since the callee
// is there, and as results of probes they count as successes. [fault.Expired] counts as a
// failure if the call was slow for this circuit: it took SlowCall where that is set, or
// three times the recent mean of a success (and at least a millisecond), or 100 ms if there
// was no success yet. [fault.Refused] and [fault.Gone] do not count.
//
// State and Snapshot are up to date even if no call was made since. Readers of Changes get
// every change in order, and no call waits for a reader. While a circuit is closed or open,
// calls lock and allocate nothing.
//
// # What is sampled
//
// Everything that decides is counted: each call, failure and slow call. The clock is read
// where a decision needs it, from the record of the call if there is one
// ([callctx.Elapsed]). With a failure threshold, nothing depends on the time of a
// successful call unless its caller has a deadline. Only the first 16 such calls, and then
// one in 16, are timed, for the statistics. Of the timed successes, at most one in a
// millisecond enters the averages.
//
// # Other breakers
//
// [Breaker] is what a middleware needs of any breaker. breaker/hystrix wraps Netflix'
// design in Go, and breakertest has the rules that every breaker must follow.
package breaker
