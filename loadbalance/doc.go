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
// An outlier is worse than the others. An instance is ejected when it fails
// [Ejection.Failures] times in a row, or once where nobody takes the connection, and
// more than one would that fails as the others do, or when its success rate is [Ejection.Gap] points below theirs, and
// not by chance; it goes on probation when it is [Probation.Factor] times slower than the median
// of the others, or lets calls hang that long. Where all fail or slow down alike
// nobody is out, and who was ejected before is used again. At most
// [Ejection.MaxPercent] of the instances are out, the one in question counted,
// also when others leave, and never all; below [Ejection.PanicPercent] nobody is
// spared.
//
// An instance on probation, also one whose ejection is over, gets no calls but
// probes: one at a time, a [Probation.Interval] apart, no repeats, and safe calls
// alone unless none comes for ten intervals. [Picked.Probe] says so, that the
// caller may hedge after [Picked.Patience]. A good probe may be followed by the next at once, and three bring
// the instance back; a failed one ejects it again, for longer. A probe that is
// cancelled, as by the other of a hedge, was bad if it took long and says
// nothing else; one that never returns is given up after [Probation.Timeout].
//
// A failure is charged at least twice what the slowest of the good instances is
// expected to take, any other refusal at least what a call usually takes, and
// both go on to count as in flight for longer than a call does: so a fast
// refusal never makes an instance the favourite. Beside another one, an instance
// whose last call failed costs twice what that takes now. A limit's refusal for
// lack of room is no failure. Calls that hang count for as
// long as nothing is answered, so that an instance which falls silent draws a
// handful of calls. A slow answer weighs less and less while nothing new is
// heard. A new instance begins at the average of the pool. Instances that the
// call has tried are avoided while any other is left, even one that is out. A
// call that its caller cancels frees its place and says nothing; one whose
// caller's time ran out is a failure when it took twice as long as the instance
// usually does, and [Probation.Factor] times as long as the others do now.
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
