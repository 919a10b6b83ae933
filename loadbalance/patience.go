package loadbalance

import "time"

// firstPatience is for a pool that does not know yet how long a call takes.
const firstPatience = 100 * time.Millisecond

// Patience is how long an attempt that is a Probe may take before a second one
// should join it: what a call usually takes at the median of the instances in use,
// so that the caller of a probe waits about twice as long as others at most;
// 100 ms where that is not known.
func (p Picked) Patience() time.Duration {
	if median := p.node.pool.learned.median.Load(); median > 0 {
		return time.Duration(median)
	}
	return firstPatience
}
