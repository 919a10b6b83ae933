// Package breaker stops calls to what fails, and lets a few through to see
// whether it works again.
//
//	orders := breaker.New("orders", breaker.Policy{})
//	ep = ep.With(orders.Middleware())
//
// A [Circuit] is closed while calls go well. It opens when the share of failed
// or slow calls is too high or the last MinCalls all failed (or, with a failure
// threshold, after so many failures in a row), refuses for the policy's Timeout,
// then becomes half-open: it admits a few probes and closes when enough of them
// succeed. A probe that fails or is slow opens it again, for twice as long, up to
// MaxTimeout. A [Group] has a circuit per key: per service, instance or tenant.
// By hand, a circuit is held open or closed until it is released.
//
// # Guarantees
//
// At no moment are more than MaxRequests probes under way. A probe is a lease:
// it is given back when its call ends, in whatever way, and lapses after
// ProbeLease if it never does. A result from before the last change of state
// changes nothing. A refusal is no failure: it is fault.Unavailable with reason
// breaker_open, Unprocessed, and the time to wait in RetryAfter, at most a
// hundredth too long.
//
// [fault.Classify] decides what counts as a failure. One that the callee passes on
// ([fault.IsRelayed]) is not its own, nor is the refusal of its limit
// ([fault.IsOverloaded]), which limits heed: as probes, both show that it is there.
// A caller who gave up counts
// as nothing. One whose deadline ran out counts as a failure if the call was slow
// by the circuit's own record: it took SlowCall, or three times what a success
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
