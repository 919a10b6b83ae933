// Package limit bounds how much is let through: by rate, or by how much is
// under way at once.
//
//	ep = ep.With(
//		limit.Rate{PerSecond: 50}.Middleware(),
//		limit.Concurrency{Max: 20}.Middleware(),
//	)
//
// Both work on either side of the wire.
//
// # Rate
//
// A [RateLimiter] is a token bucket for a caller's own quota: what is over it is
// refused at once, as fault.ResourceExhausted (429) with reason rate_limited and
// the time until the next token in RetryAfter. It takes no lock.
//
// # Concurrency
//
// A [ConcurrencyLimiter] is a bulkhead with a queue: up to Max calls run, up to
// Queue wait in order, each no longer than MaxWait or its own deadline. What
// cannot be let in is refused as fault.Unavailable (503) with reason overloaded.
// A caller that gives up while it waits leaves the queue at once, and is never
// given a turn.
//
// # Guarantees
//
// All refusals are Unprocessed. Set changes a policy in place: a higher limit
// lets waiting calls in, a lower one lets what runs end. What was let in is
// given back even when the call panics. A call that need not wait allocates
// nothing.
package limit
