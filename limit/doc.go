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
// An [AdaptiveLimiter] has no queue and needs no figure. It lets everything through
// until too much is asked of the service, and then as many calls at once as are
// answered in time. To refuse those for whom there is room is worse than to let an
// overload go on, and where both cannot be had, an overload goes on.
//
// What it knows of an operation. Operations are told apart by the name in
// [github.com/sinew-go/sinew/endpoint.Call], the first 200 of a limiter; the rest are
// judged as one. A call is compared with its own operation alone.
//   - Usual is how long a success takes. It comes from the first 32 successes, then
//     follows the mean slowly, and rises neither while calls are late or refused nor
//     far above what it was without doubt: so a queue that grows slowly does not
//     become usual.
//   - Swift is how long a success takes in good times: the least that was usual in the
//     last minutes.
//   - A caller waits until its deadline. One without a deadline counts as one that
//     waits for 20 times swift, 2 s at least.
//   - A call is late when it has taken 0.8 of the time that its caller waits, and at
//     least 3 times as long as usual.
//   - The target is how long calls may take while others are refused: a quarter of the
//     time that their callers wait, but no more than 10 times usual (50 ms where that is
//     less), and no less than twice usual, as far as half of the time allows. Without
//     a deadline it is 10 times swift, 50 ms at least.
//
// When it begins:
//   - Two thirds of the calls are late, for half a second or longer. Where nothing is
//     served at all, this must last twice as long as the calls waited: the service may
//     stand still for a moment, which no limit can help.
//   - Or more calls are under way than can be served in time at the pace of now, or at
//     0.8 of the best pace of the last minute where that is more; 3 standard deviations
//     of how many there usually are come on top, since they vary by chance. This may
//     show before the first call is late.
//   - Or the service itself refuses a third of the calls for overload.
//
// In the first two cases more than Min calls must be under way, and they must not
// become fewer by themselves.
//
// What never counts as overload:
//   - what is merely old. While it limits, or calls are late, a call under way for
//     longer than 8 times the target, 1 s at least, takes no place any more: streams,
//     long polls and hung handlers fill no limit;
//   - what waits for its own caller, between [Ticket.Pause] and [Ticket.Resume]. A
//     server pauses while it reads a request's body;
//   - what could not be answered in time whatever the load: a call whose caller waits
//     for less than 2.5 times swift, and an operation of whose calls more than a
//     quarter run out of time in good times, too;
//   - deadlines of callers that are not trusted;
//   - what fails fast, and refusals that the service passes on from another one.
//
// Whether it helps. In the first two cases the limit is a trial at first:
//   - It begins at what is served within the target, by Little's law (1961). What was
//     there before may drain first, for 8 s at most.
//   - Then calls must take no longer than the geometric mean of how long they took
//     before and the target, or 1.3 times the target where that is longer. Calls that
//     waited for each other do.
//   - Otherwise they are slow by nature: the limit is lifted, what they take is usual
//     from now on, and there is no further trial for 2 s, then 4 s, and so on up to
//     2 min. A trial that helps begins this anew.
//
// While it helps, the limit follows the calls served per second times the target, and
// one more, so that of many limiters none is left behind. When it has come down to a
// quarter it has to pass another trial, by making calls twice as fast.
//
// When it ends:
//   - Nothing waits: calls take less than 1.5 times as long as usual, for a second.
//   - Or it is in nobody's way: none is refused, none is late, and it is half used at
//     most, for a second or twice the target, whichever is longer.
//   - Or nothing is heard, for 2 s or 4 times the target, whichever is longer.
//
// Who is refused first. From half of the limit on, a call whose caller will not wait
// for half of the usual time; then those of lower priority: each step moves the limit
// for a call by a tenth, up to five steps. RetryAfter is a quarter of the target,
// from 20 ms to 1 s.
//
// What it cannot do:
//   - Callers that wait long get late answers before any is refused, since the wait is
//     within what they allow.
//   - Many limiters in front of one service see a small share of its calls each, and
//     find out later. Each keeps Min, so Min times their number must be bearable.
//   - Of more than 10,000 successes a second only some are timed while there is no
//     limit.
//
// Operations in [Adaptive].Except are outside of it: neither counted nor refused.
//
// The idea to find a limit from latencies is that of TCP Vegas (Brakmo and
// Peterson, 1995), to work at the rate of delivery that of BBR (Cardwell et al.,
// 2016), and both have been brought to services by Netflix' concurrency-limits and
// Envoy's adaptive concurrency. Those limit at all times; this one only when too much
// is asked, and it tells load from slowness by trial.
//
// # Guarantees
//
// All refusals are Unprocessed. Set changes a policy in place: a higher limit
// lets waiting calls in, a lower one lets what runs end. What was let in is
// given back even when the call panics, and once, however often it is given back.
// A call that need not wait allocates nothing; in a RateLimiter and an
// AdaptiveLimiter it takes no lock. Exceptions of the latter are the call that is new
// (its operation, or so many at once). Work that ended
// when its caller had gone is counted, as Wasted in the snapshots.
package limit
