// Package loadbalance chooses the instance that each attempt of a call goes to.
//
//	pool := loadbalance.New("inventory", loadbalance.Policy{})
//	stop := resolver.Subscribe("inventory", pool.Update)
//
//	picked, err := pool.Pick(ctx, loadbalance.Request{})
//	err = send(ctx, picked.Instance.Endpoint)
//	picked.Done(ctx, err)
//
// The zero [Policy] is PeakEWMA: of two instances drawn at random, the one with
// the lower product of recent latency and calls in flight. RoundRobin and
// LeastRequest are there as well, and an instance that fails again and again is
// ejected for a while.
//
// # Guarantees
//
// Pick and Done take no lock and allocate nothing. Only successes feed the
// latency average, and anything else is charged at least that average, so that
// a fast refusal never makes an instance the favourite. A new instance begins
// at the average of the pool. Ejection never takes more than its share of the
// instances, and when all are ejected all are used. An instance that an earlier
// attempt went to is avoided while there is another.
package loadbalance
