// Package breaker stops calls to a callee that fails, and admits a few probes to see
// whether it works again.
//
//	orders := breaker.New("orders", breaker.Policy{})
//	ep = ep.With(orders.Middleware())
//
// A [Circuit] is closed while calls succeed. With the zero [Policy] it opens when no call
// succeeds any more, and refuses calls for the policy's Timeout. Then it is half-open: it
// admits probes, and closes when one succeeds. Once the circuit is sure that nothing
// succeeds (see below), a failed probe opens it again, for a twenty-fourth of the time
// without any success, but at least for Timeout and at most for MaxTimeout. A [Group] has
// a circuit per key: per service, instance or tenant. [Circuit.ForceOpen] and
// [Circuit.ForceClosed] set the state by hand, until [Circuit.Release].
//
// # When it opens
//
// The zero Policy opens where calling is worse than refusing: at least MinCalls calls in
// a row have failed, over 250 ms or more, and such a row would happen by chance less than
// once in a million times. The chance is computed from the share of failures before the
// row: of the latest 200 calls, or of those since 20 calls in a row succeeded, whichever
// is more. So the circuit stays closed
//
//   - while some calls succeed: half of them, a tenth of them, or those of two operations
//     of five, of other tenants or of other keys. Repeats handle the failures;
//   - at a burst of failures in one moment, however many calls fail in it;
//   - while calls are slow and succeed.
//
// If the share of failures jumps, to nine of ten for example, the first row of failures may
// open the circuit by mistake. So the circuit is sure that nothing succeeds only when eight
// times MinCalls have failed in a row, 160 by default, or when a call did not reach the
// callee or ran out of time. Until then, probes follow each other without a pause, up to
// three at once. That row and the probes count when the circuit is closed again, so the
// same share of failures does not open it a second time.
//
// FailurePercent and SlowPercent open the circuit as well, for a share of the calls in
// Window: set them if the callee must be protected while some calls still succeed. With a
// FailureThreshold the circuit opens after so many failures in a row, and for nothing else.
// With any of these three settings an opening counts as sure at once.
//
// # Guarantees
//
// At any moment at most MaxRequests probes are in flight (or three, until the circuit is
// sure that nothing succeeds), including those of an earlier half-open state. A repeat (an
// Attempt above 1 in the call.Record) is no probe: a half-open circuit refuses it. A probe
// has a lease, which ends when its call ends, in whatever way, and expires after ProbeLease
// if the call does not end. The result of a call that started before the last change of
// state counts in the statistics, ends the lease of the call, and changes nothing else. A
// refusal does not count as a failure. Its error is fault.Unavailable with reason
// breaker_open, Unprocessed, and the time to wait in RetryAfter, at most a hundredth too
// long.
//
// [fault.Judge] decides what counts as a failure: [fault.Failed], [fault.TimedOut] and
// [fault.Unreached] do. [fault.Relayed] and [fault.Overloaded] do not, since the callee
// has answered; as results of probes they count as successes. [fault.Expired] counts as a
// failure if the call was slow for this circuit: it took SlowCall where that is set, or
// three times the recent mean of a success (and at least a millisecond), or 100 ms if there
// was no success yet. [fault.Refused] and [fault.Abandoned] do not count.
//
// State and Snapshot are up to date even if no call is made. Readers of Changes get the
// changes in order, and know of those that they were too slow for; no call waits for a
// reader. While a circuit stays closed or open, calls lock and allocate nothing.
//
// # What is sampled
//
// Everything that decides is counted: each call, failure and slow call. The clock is read
// where a decision needs the time; within a call of a sinew client, policies share one
// reading. With a FailureThreshold, nothing depends on the duration of a successful call
// whose caller has no deadline: of such calls only the first 16, and then one in 16, are
// timed, for the statistics. Of the timed successes, at most one in a millisecond enters
// the averages.
//
// # Other breakers
//
// [Breaker] is what a middleware needs of any breaker. Package breaker/hystrix adapts the
// circuit of afex/hystrix-go, and breaker/breakertest tests the rules for every breaker.
package breaker
