// Package breaker stops calls to what fails, and lets a few through to see
// whether it works again.
//
//	orders := breaker.New("orders", breaker.Policy{})
//	ep = ep.With(orders.Middleware())
//
// A [Circuit] is closed while calls go well. It opens when the share of failed
// or slow calls is too high (or, with a failure threshold, after so many failures
// in a row), refuses for the policy's Timeout, then becomes half-open: it admits
// a few probes and closes when enough of them succeed. A probe that fails or is
// slow opens it again, for twice as long, up to MaxTimeout.
//
// # Guarantees
//
// At no moment are more than MaxRequests probes under way. A probe is a lease:
// it is given back when its call ends, in whatever way, and lapses after
// ProbeLease if it never does. A result from before the last change of state
// changes nothing. A refusal is no failure: it is fault.Unavailable with reason
// breaker_open, Unprocessed, and the time to wait in RetryAfter.
// [fault.Classify] decides what counts as a failure: a caller who gave up counts
// as nothing, one whose deadline ran out as a failure if the call was slow.
// Listeners are called in order and outside of every lock.
//
// # Other breakers
//
// [Breaker] is what a middleware needs of any of them. breaker/hystrix is
// Netflix' in Go, and breakertest the rules that each is held to.
package breaker
