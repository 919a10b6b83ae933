// Package limit bounds how much is let through: by rate, by how much is under
// way at once, or by what the service behind turns out to bear.
//
//	ep = ep.With(
//		limit.Rate{PerSecond: 50}.Middleware(),
//		limit.Concurrency{Max: 20}.Middleware(),
//	)
//	inventory = inventory.With(limit.Adaptive{}.Middleware())
//
// All three work on either side of the wire. Without a figure of your own take
// [Adaptive]; take [Concurrency] where the figure is known, such as the size of a
// pool, and [Rate] for what was agreed with a caller.
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
// cannot be let in is refused as fault.Unavailable (503) with reason overloaded,
// and so is at once whoever could not be let in before his deadline as the queue
// moves. A caller that gives up while it waits leaves the queue at once, and is
// never given a turn; in a full queue those who have left make room first.
//
// # Adaptive
//
// An [AdaptiveLimiter] has no queue and needs no figure: it lets everything
// through until there is harm, and then as many calls at once as are answered in
// time. Harm is when most calls of a while take ten times as long as they usually
// do, or more than a quarter of the time that their callers wait, but twice the
// usual at least; or when a third of the answers are refusals for overload. Then
// the limiter keeps what is under way from growing, and measures; then halves it,
// and measures again. Calls that waited for each other are now twice as fast: it
// goes on to steer, and the limit follows completions per second times the time
// that a call may take (Little's law, 1961), and one more, so that of many
// limiters none is left behind. Calls that are as slow as before are slow by
// nature: that is the usual from now on, and the limit is lifted. It is also lifted
// when it has not been half used for a second.
//
// What is usual is the mean time of successes, followed slowly while nothing is
// refused and never far above what it was without doubt, so that a queue which
// grows slowly does not become usual. Refusals, failures and work for callers who
// have gone never count as latency; a call that ran out of time counts as slow.
//
// The idea to find a limit from latencies is that of TCP Vegas (Brakmo and
// Peterson, 1995), to work at the rate of delivery that of BBR (Cardwell et al.,
// 2016), and both have been brought to services by Netflix' concurrency-limits and
// Envoy's adaptive concurrency. Those limit at all times; this one only when there
// is harm, and it tells load from slowness by trial.
//
// While there is a limit, a call whose caller will not wait for half the usual
// time is the first to be refused, from half the limit on; then go those of lower
// [github.com/sinew-go/sinew/endpoint.Call] priority: each step moves the limit
// for a call by a tenth, up to five steps. Many limiters in front of one service
// each keep Min, so Min times their number must be bearable.
//
// # Guarantees
//
// All refusals are Unprocessed. Set changes a policy in place: a higher limit
// lets waiting calls in, a lower one lets what runs end. What was let in is
// given back even when the call panics, and once, however often it is given back.
// A call that need not wait allocates nothing; in a RateLimiter and an
// AdaptiveLimiter it takes no lock. Work that ended when its caller had gone is
// counted, as Wasted in the snapshots.
package limit
