// Package loadbalance chooses the instance that each attempt of a call goes to.
//
//	pool := loadbalance.New("inventory", loadbalance.Policy{})
//	stop := resolver.Subscribe("inventory", pool.Update)
//
//	picked, err := pool.Pick(ctx, loadbalance.Request{Safe: true})
//	err = send(ctx, picked.Instance.Endpoint)
//	picked.Done(ctx, err)
//
// The zero [Policy] is PeakEWMA: of two instances drawn by weight, the one with the
// lower product of recent latency and calls in flight. The other algorithms are
// [LeastRequest], [RoundRobin], [Random] and [ConsistentHash]. All of them eject
// failing instances and put slow ones on probation, bring them back by single probes,
// start new instances with a small share, and can prefer a zone.
//
// # Cost
//
// Pick and Done wait for no lock while nothing changes, allocate nothing, and take as
// long with a thousand instances as with three. A Done that ejects an instance, or that
// ends a call to an unhealthy one, locks the pool for a moment.
//
// # Ejection
//
// An instance is ejected when it does worse than the others, in one of two cases:
//   - [Ejection.Failures] calls in a row failed, and the instance fails more often than
//     the others do. One refused connection counts as that many failures.
//   - Its success rate is [Ejection.Gap] percentage points below the mean of the others',
//     by more than chance explains, and it continues to fail.
//
// An instance is gone in one of two cases:
//   - A connection to it is refused while another instance works.
//   - [Ejection.Failures] calls in a row ran out of time without any answer from it,
//     while another instance answered that fails less often.
//
// An instance that is gone is ejected however many are out already: two of three, or nine
// of ten, can be gone, and the others get the calls. The last instance that works is
// never ejected. Instances that are gone do not count for [Ejection.MaxPercent] and
// [Ejection.PanicPercent]. The next probe of such an instance follows after half the time
// for which it has been gone, but not before a fifth of [Ejection.Period] and not after
// ten Periods. An instance that answers again, even with failures, is no longer gone.
//
// # Probation
//
// An instance goes on probation when it is [Probation.Factor] times slower than the
// median of the others, more often than chance explains, or when its calls hang for so
// long without any answer and the others are well. No instance goes on probation while
// most of the others have been in use for less than a [Probation.Interval], since these
// do not serve their full load yet.
//
// An instance on probation, or whose ejection is over, gets probes only. There is one
// probe at a time, a [Probation.Interval] apart, and a repeat is never a probe. Probes
// are safe calls, unless none comes for ten intervals, or the instance refuses
// connections, which harms no call. A probe is in flight until it ends, whatever other
// calls find meanwhile. [Picked.HedgeAfter] marks a probe and says when the caller should
// hedge it. After a good probe the next may follow at once. [Probation.Successes] good
// probes in a row end the probation; a failed one ejects the instance again, for longer.
// A cancelled probe, such as the loser of a hedge, counts as bad if it took long, and
// does not count otherwise. A probe that never returns is given up after
// [Probation.Timeout].
//
// # Limits of ejection and probation
//
// Where all instances fail or slow down alike, none is out, and ejected ones are used
// again. At most [Ejection.MaxPercent] of the instances that are not gone are out, even
// when others leave, and never all. When fewer than [Ejection.PanicPercent] percent of
// these are healthy, all of these are used.
//
// # How failures and refusals count
//
// The instance of a fast refusal must not become the preferred one. These rules prevent
// that:
//   - A failure counts with at least twice the expected latency of the slowest working
//     instance, any other refusal with at least the mean latency. Both count as in flight
//     for longer than the call took.
//   - Compared with another instance, one whose last call failed costs at least twice
//     what the other one costs.
//   - A refusal by a limit, for lack of room, is no failure.
//
// Calls that hang count with the time since the last answer, so an instance that stops
// answering receives only a handful of calls. The weight of a slow answer fades while no
// new one arrives. A new instance starts with the average latency of the pool; so does
// one whose address has changed under its id.
//
// Instances that the call has tried are avoided while any other is left, even one that is
// out. A call that its caller cancels frees its slot and does not count otherwise. A call
// whose caller's time ran out counts as a failure if it took twice as long as calls to
// this instance take, and [Probation.Factor] times as long as the others take at the
// moment. If it took less, it counts as in flight for as long as calls take in the mean,
// since the instance continues to work for the caller who has gone.
//
// # Consistent hash
//
// Equal keys have the same instance in every process with the same instances and weights,
// and when an instance leaves only its keys move. An instance gets at most 1¼ times its
// fair share of the calls in flight, rounded up, and above a hundred calls a second at
// most 1.2 times its share of the recent ones. Further calls go to the next instance of
// their key. A new instance gets its keys one after the other.
//
// # Timing
//
// Under RoundRobin and ConsistentHash, when there are more than a thousand picks a
// second, only one in sixty-four of the further ones is timed, to save readings of the
// clock.
package loadbalance
