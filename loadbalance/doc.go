// Package loadbalance chooses the instance that each attempt of a call goes to.
//
//	pool := loadbalance.New("inventory", loadbalance.Policy{})
//	stop := resolver.Subscribe("inventory", pool.Update)
//
//	picked, err := pool.Pick(ctx, loadbalance.Request{Safe: true})
//	err = send(ctx, picked.Instance.Endpoint)
//	picked.Done(ctx, err)
//
// The zero [Policy] is PeakEWMA: of two instances drawn by weight, the one with
// the lower product of recent latency and calls in flight. [LeastRequest],
// [RoundRobin], [Random] and [ConsistentHash] are there as well. All of them take
// out instances that fail or are slow, bring them back by single probes, let new
// ones grow into their share, and can prefer a zone.
//
// # Guarantees
//
// Pick and Done wait for no lock while nothing changes, allocate nothing, and
// take as long with a thousand instances as with three. A Done that ejects, or
// that hears of an instance which is out, holds the pool's lock for a moment.
//
// An instance is ejected when it does worse than the others:
//   - [Ejection.Failures] of its calls in a row failed, or one connection was
//     refused, and it fails more often than the others do;
//   - or its success rate is [Ejection.Gap] points below the mean of the others',
//     by more than chance explains, and it goes on failing.
//
// An instance is gone when a connection to it is refused while another instance
// works, or when Failures of its calls in a row ran out of time and nothing was heard
// of it while another answered that does not fail as often. It is ejected however many are out, so that two of
// three, or nine of ten, can be away and the rest get the calls; the last one that
// works never is. Those that are gone are left out of [Ejection.MaxPercent] and
// [Ejection.PanicPercent]. They are looked for again after half the time for which
// they have been gone, a fifth of [Ejection.Period] at least and ten Periods at most.
// One that answers again, if badly, counts as the others do.
//
// An instance goes on probation when it is [Probation.Factor] times slower than the
// median of the others more often than chance explains, or when its calls hang for that
// long and the others are well; while most of these
// have been used for less than an [Probation.Interval], nobody does, since they do not
// bear what the others do. Where all instances
// fail or slow down alike, none is out, and ejected ones are used again. At most
// [Ejection.MaxPercent] of the instances that are not gone are out, also when others
// leave, and never all. When fewer than [Ejection.PanicPercent] could be used, all are used that are not gone.
//
// An instance on probation, or whose ejection is over, gets probes only: one at a
// time, a [Probation.Interval] apart, never a repeat, and only safe calls unless
// none comes for ten intervals, or the instance refuses connections, which cost no
// call anything. It is under way until it has ended, whatever calls that are no probe
// find meanwhile. [Picked.Probe] marks a probe, so that the caller may
// hedge it after [Picked.Patience]. After a good probe the next may follow at once.
// [Probation.Successes] good ones in a row end the probation; a failed one ejects
// the instance again, for longer. A cancelled probe, such as the loser of a hedge,
// was bad if it took long, and says nothing otherwise. A probe that never returns
// is given up after [Probation.Timeout].
//
// A failure is charged at least twice what the slowest of the good instances is
// expected to take, any other refusal at least what a call usually takes, and
// both go on to count as in flight for longer than a call does: so a fast
// refusal never makes an instance the favourite. Beside another one, an instance
// whose last call failed costs twice what that takes now. A limit's refusal for
// lack of room is no failure. Calls that hang count for as
// long as nothing is answered, so that an instance which falls silent draws a
// handful of calls. A slow answer weighs less and less while nothing new is
// heard. A new instance begins at the average of the pool; so does one that has
// another address than before under its id. Instances that the
// call has tried are avoided while any other is left, even one that is out. A
// call that its caller cancels frees its place and says nothing; one whose
// caller's time ran out is a failure when it took twice as long as the instance
// usually does, and [Probation.Factor] times as long as the others do now. Where it
// took less, the work of the caller who has gone goes on to count as in flight for as
// long as a call usually takes.
//
// Equal keys have the same instance in every process whose instances and weights
// are the same, and when one of them leaves only its keys move. An instance
// takes at most 1¼ times its fair share of the calls in flight, rounded up, and
// where there are more than a hundred a second 1.2 times its share of the recent
// ones; what is beyond that goes to the next instance of the key. An instance
// that grows into its share takes its keys one after the other.
//
// Under RoundRobin and by hash only one in sixty-four picks is timed when there are
// more than a thousand a second.
package loadbalance
