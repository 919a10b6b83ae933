// Package breaker stops calls to what fails, and lets a few through to see
// whether it works again.
//
//	orders := breaker.New("orders", breaker.Policy{})
//	ep = ep.With(orders.Middleware())
//
// A [Circuit] is closed while calls get through. With the zero [Policy] it opens
// when none does any more, refuses for the policy's Timeout, then becomes
// half-open: it admits probes, and closes when one succeeds. Once it is sure that
// nothing gets through, a probe that fails opens it again, for a twenty-fourth of the time
// since nothing has got through, up to MaxTimeout. A [Group] has a circuit per key: per
// service, instance or tenant. By hand, a circuit is held open or closed until it is
// released.
//
// # When it opens
//
// The zero Policy opens where calling is worse than refusing: when at least MinCalls
// calls in a row have failed, over 250 ms or more, and such a row would happen once
// in a million times by chance, going by the share that had failed before it of the
// latest 200 calls, or of those since 20 succeeded one after the other, whichever is
// more. So it stays closed
//
//   - while some calls succeed: half of them, a tenth, those of two operations of
//     five, those of other tenants or keys. What fails is for a repeat to answer;
//   - at a burst of one moment, however many calls fail in it;
//   - while calls are slow and succeed.
//
// Where most calls begin to fail at once (nine of ten, say), the first row may open
// it by mistake. So it is sure only when eight times MinCalls have failed in a row, 160
// by default, or one has found nobody or run out of time. Until then up to three probes
// at once follow each other without a pause. That row and the probes count when it is
// closed again, so that what has turned out to be usual opens it no more.
//
// FailurePercent and SlowPercent open it, besides, for a share of the calls in
// Window: set them where a callee has to be spared before nothing works at all. With
// a FailureThreshold it opens after so many failures in a row, and for nothing else.
// With any of these it is sure at once.
//
// # Guarantees
//
// At no moment are more than MaxRequests probes under way (or three, until it is sure
// that nothing gets through), those of an earlier half-open state included. A repeat
// ([endpoint.Call].Attempt) is no probe. A probe is a lease: it is given back when its call
// ends, in whatever way, and lapses after ProbeLease if it never does. A result
// from before the last change of state counts in the statistics, gives its lease
// back and changes nothing else. A refusal is no failure: it is fault.Unavailable with reason
// breaker_open, Unprocessed, and the time to wait in RetryAfter, at most a
// hundredth too long.
//
// [fault.Classify] decides what counts as a failure. One that the callee passes on
// ([fault.IsRelayed]) is not its own, nor is the refusal of its limit
// ([fault.IsOverloaded]), which limits heed: as probes, both show that it is there.
// A caller who gave up counts
// as nothing. One whose deadline ran out counts as a failure if the call was slow
// by the circuit's own record: it took SlowCall where that is set, or three times what a success
// takes of late (and a millisecond), or, when there was none yet, 100 ms.
//
// State and Snapshot tell of now, also when no call has come since. Readers of
// Changes hear of every change in order, and no call waits for one. While a
// circuit is closed or open, calls take no lock and allocate nothing.
//
// # What is sampled
//
// Everything that decides is counted: each call, failure and slow call. The clock
// is read where a decision needs it, from the record of the call where there is
// one ([endpoint.Elapsed]). With a failure threshold, nothing depends on the time
// of a call that succeeds unless its caller has a deadline; so only the first 16
// such calls and then one in 16 are timed, for the statistics. Of successes that
// are timed, one in a millisecond at most goes into the averages.
//
// # Other breakers
//
// [Breaker] is what a middleware needs of any of them. breaker/hystrix is
// Netflix' in Go, and breakertest the rules that each is held to.
package breaker
