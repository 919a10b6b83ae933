package loadbalance

import (
	"math"
	"time"
)

const (
	// firstPatience is for a pool that does not know yet how long a call takes.
	firstPatience = 100 * time.Millisecond
	// often are so many calls in the last two seconds that a second attempt more
	// leaves enough of the budget of repeats.
	often = 100
)

// Patience is how long an attempt that is a Probe may take before a second one
// should join it: what a call usually takes at the median of the instances in use,
// so that the caller of a probe waits about twice as long as others at most. Where
// fewer than 50 calls a second come, or a good probe says that the instance is
// likely well, it is as long as a call may take that is not slow, since a second
// attempt takes the place of a repeat. 100 ms where that is not known.
func (p Picked) Patience() time.Duration {
	b := p.node.pool
	patience := b.learned.limit.Load()
	b.mu.Lock()
	calls := 0.0
	for _, n := range b.nodes {
		calls += n.recent.brief
	}
	if calls >= often && p.node.probation.good == 0 {
		patience = b.learned.median.Load()
	}
	b.mu.Unlock()
	if patience == 0 || patience == math.MaxInt64 {
		return firstPatience
	}
	return time.Duration(patience)
}
