// Package loadbalance chooses the instance that each attempt of a call goes to.
//
//	pool := loadbalance.New("inventory", loadbalance.Policy{})
//	stop := resolver.Subscribe("inventory", pool.Update)
//
//	picked, err := pool.Pick(ctx, loadbalance.Request{})
//	err = send(ctx, picked.Instance.Endpoint)
//	picked.Done(ctx, err)
//
// The zero [Policy] is PeakEWMA: of two instances drawn by weight, the one with
// the lower product of recent latency and calls in flight. RoundRobin and
// LeastRequest are there as well, and an instance that fails again and again is
// ejected for a while.
//
// # Guarantees
//
// Pick and Done take no lock, but for the moment in which Done ejects, and
// allocate nothing. A failure is charged at least twice what the slowest of
// the good instances is expected to take, any other refusal at least what a
// call usually takes, and both go on to count as in flight for about as long
// as a call does: so a fast refusal never makes an instance the favourite. A
// slow answer weighs less and less while nothing new is heard. A new instance
// begins at the average of the pool. Ejection never takes more than its share
// of the instances, also when others leave, and never all. Instances that the
// call has tried are avoided while any other is left, even an ejected one. A
// call that its caller cancels frees its place and says nothing; one whose
// caller's time ran out is a failure when it took twice as long as the
// instance usually does.
package loadbalance
