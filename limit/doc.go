// Package limit bounds how many calls are admitted: by rate, by how many are in flight at
// once, or by how many the callee is seen to answer in time.
//
//	ep = ep.With(
//		limit.Rate{PerSecond: 50}.Middleware(),
//		limit.Concurrency{Max: 20}.Middleware(),
//	)
//	inventory = inventory.With(limit.Adaptive{}.Middleware())
//
// All three work in a client, in front of a service, and in a server, in front of a
// handler: the callee below is that service or that handler. Use [Adaptive] where no limit
// is known, [Concurrency] where one is known, such as the size of a connection pool, and
// [Rate] for a quota that was agreed with a caller.
//
// # Rate
//
// A [RateLimiter] is a token bucket for a caller's quota. A call beyond the quota is
// refused at once, as fault.ResourceExhausted (429) with reason rate_limited and the time
// until the next token in RetryAfter. A RateLimiter uses no lock.
//
// # Concurrency
//
// A [ConcurrencyLimiter] is a bulkhead with a queue. Up to Max calls run and up to
// Queue wait in order, each no longer than MaxWait or its own deadline. Other calls
// are refused as fault.Unavailable (503) with reason overloaded, and MaxWait as
// RetryAfter. A call is refused at once if the queue moves too slowly to admit it before
// its deadline. A call whose context ends while it waits leaves the queue at once and is
// never admitted. Before a full queue refuses a call, it drops waiting calls whose context
// has ended.
//
// # Adaptive
//
// An [AdaptiveLimiter] has no queue and needs no configured limit. It admits every
// call until the service is overloaded, and then as many calls at once as are
// answered in time. A refusal despite free capacity is worse than an overload that
// goes on: where the limiter cannot avoid both, it lets the overload go on.
//
// It is in one of three phases. The numbers are explained below.
//
//	             1: calls are late, or pile up
//	+-----------+ ---------------------------> +---------+
//	| unlimited |                              |  trial  |
//	+-----------+ <--------------------------- +---------+
//	  ^       |    3: calls do not get faster    |     ^
//	  |       |                                  |     |
//	  |       | 2: the callee refuses     4: calls     | 6: the limit has
//	  |       |    a third                get faster   |    fallen far
//	  |       |                                  |     |
//	  |       |                                  v     |
//	  |       +------------------------------> +----------+
//	  |                                        | steering |
//	  +--------------------------------------- +----------+
//	   5: no call waits, nobody needs the limit,
//	      or no call ends
//
// [AdaptiveLimiter.Snapshot] shows the [Phase], the limit and the [Reason] for it. A service
// or client of package sinew has the phase in a metric, sinew_server_limit_phase or
// sinew_client_limit_phase. It logs when a limit refuses its first call, and when a limit
// that refused calls is lifted:
//
//	arrow  phase      metric  Limit  Reason          log line
//	1      trial      1       > 0    calls_late or   "the limit refuses calls"
//	                                 calls_pile_up
//	2      steering   2       > 0    callee_refuses  "the limit refuses calls"
//	3      unlimited  0       0      ""              "the limit is lifted"
//	4      steering   2       > 0    as before
//	5      unlimited  0       0      ""              "the limit is lifted"
//	6      trial      1       > 0    as before
//
// The log line of arrows 1 and 2 has the phase, the reason and the limit; that of 3 and 5
// has the duration of the episode and the number of refused calls. After arrow 3 the
// Baseline in the snapshot is higher.
//
// # What an AdaptiveLimiter measures
//
// An AdaptiveLimiter tells operations apart by the Name in the call.Record: the first 200
// separately, all others together as one. A call is compared with calls of its own
// operation only.
//   - The baseline is how long a success takes when no call waits. It starts with the
//     first 32 successes, then follows the mean slowly. It does not rise while calls
//     are late or refused, nor above 3 times a value that rises still more slowly, so a
//     queue that grows slowly does not raise it.
//   - The best baseline is the lowest baseline of the last minutes.
//   - A caller waits until its deadline. A caller without a deadline counts as one that
//     waits for 20 times the best baseline, and for at least 2 s.
//   - A call is late when it takes 0.8 of the time that its caller waits, and at least
//     3 times its baseline.
//   - The target latency is how long calls may take while others are refused. It is a
//     quarter of the time that their callers wait, but at most 10 times the baseline (or
//     50 ms if that is more). It is at least twice the baseline, as far as half of the
//     caller's time allows, and at least 1.25 times the baseline in any case. Without a
//     deadline it is 10 times the best baseline, and at least 50 ms.
//
// An AdaptiveLimiter counts calls in windows of time, and decides at the end of each. A
// window ends after 16 calls, but lasts 0.1 s at least (40 ms if calls pile up) and 2 s at
// most. A window with fewer than 8 calls shows no overload.
//
// # When a limit starts
//
// Arrow 1, calls are late: two thirds of the calls are late, for half a second or
// longer. If no call is served in that time, this must last twice as long as the calls
// waited: the service may have paused for a moment, and no limit helps against that.
//
// Arrow 1, calls pile up: more calls are in flight than can be served in time at the
// current rate, or at 0.8 of the best rate of the last minute if that is higher. Since the
// number in flight varies by chance, it must exceed that by more than 3 standard deviations
// of its recent values. This can be detected before the first call is late.
//
// Arrow 2: the callee itself refuses a third of the calls for overload, in three windows in
// a row. No trial is needed, since the callee says that there are too many.
//
// Arrow 1 needs more than Min calls in flight, and a number in flight that does not fall
// by itself.
//
// What never counts as overload:
//   - A call that is merely old. While there is a limit, or calls are late, a call in
//     flight for longer than 8 times the target latency, and at least 1 s, needs no
//     room: streams, long polls and hung handlers do not fill the limit.
//   - A call that waits for its own caller, between [AdaptivePermit.Pause] and
//     [AdaptivePermit.Resume]. A server pauses while it reads a request's body.
//   - A call that could not be answered in time under any load: its caller waits for
//     less than 2.5 times the best baseline, or more than a quarter of the calls of its
//     operation run out of time even without overload.
//   - The deadline of a caller that is not trusted: by Config.Trust of package sinew, for
//     example. Such a call counts as one without a deadline.
//   - Fast failures, and refusals that the callee relays from another service.
//
// # What a trial is
//
// Calls may be late because they wait for each other, or because they are slow by nature.
// A limit makes the former faster, and not the latter. So a limit for late calls, or calls
// that pile up, is a trial first. It allows as many calls as are served within the target
// latency, by Little's law (1961). Earlier calls drain first, for 8 s at most.
//
// Arrow 4: the trial passes if calls take at most the geometric mean of how long they took
// before and the target latency, or 1.3 times the target latency if that is longer.
//
// Arrow 3: otherwise the calls are slow by nature. The limit is lifted, their latency
// becomes the baseline, and there is no further trial for 2 s, then 4 s, and so on up to
// 2 min. A trial that passes resets this time. A trial fails, too, if no call ends for
// 2 s or 4 times the target latency, whichever is longer.
//
// # How a limit is steered, and when it ends
//
// While the limit helps, it follows the number of calls served per second times the
// target latency, plus one. By this one, the shares of many limiters in front of one
// service become equal in time.
//
// Arrow 6: a limit that has fallen to a quarter of the highest limit since its last trial,
// while calls are refused, must pass another trial, in which calls take at most half as
// long as they did at that highest limit.
//
// Arrow 5: the limit ends in one of three cases.
//   - No call waits for another: calls take less than 1.5 times the baseline, for 1 s.
//   - Nobody needs the limit: no call is refused, few are late, and at most half of the
//     limit is in use, for 1 s or twice the target latency, whichever is longer.
//   - No call ends, for 2 s or 4 times the target latency, whichever is longer.
//
// # Which calls are refused first
//
// Once half of the limit is in use, calls whose caller waits for less than half of the
// baseline are refused first, then those of lower Priority in the call.Record: each step of
// priority moves the limit for a call by a tenth, up to five steps. A refusal is
// fault.Unavailable (503) with reason overloaded, and a quarter of the target latency as
// RetryAfter, from 20 ms to 1 s.
//
// The limiter neither counts nor refuses calls of the operations in [Adaptive].Except.
//
// # What an AdaptiveLimiter cannot do
//
//   - Callers with a late deadline get late answers before any call is refused, since they
//     allow for that wait.
//   - Each of many limiters in front of one service sees a small share of the service's
//     calls, and detects overload later than one would. Each always admits Min calls, so
//     the service must bear Min times the number of limiters.
//   - Above 10,000 successes a second only some calls are timed while there is no limit.
//
// Finding a limit from latencies is the idea of TCP Vegas (Brakmo and Peterson, 1995),
// and working at the rate of delivery that of BBR (Cardwell et al., 2016). Netflix'
// concurrency-limits and Envoy's adaptive concurrency brought both to services. Those
// limit at all times; this one limits only under overload, and a trial tells load from
// slowness.
//
// # Guarantees
//
// All refusals are Unprocessed. Set changes a policy while calls go on: a higher limit
// admits waiting calls, a lower one lets running calls finish. A middleware returns its
// permit even when the call panics. A call that need not wait allocates nothing, and waits
// for no lock in a RateLimiter or AdaptiveLimiter; the exceptions in an AdaptiveLimiter are
// the first call of an operation and a new maximum of calls in flight. A call that ends
// after its caller has gone counts as Wasted in the snapshot.
package limit
