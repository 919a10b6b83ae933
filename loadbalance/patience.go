package loadbalance

import (
	"math"
	"time"
)

// firstPatience is for a pool that does not know yet how long a call takes.
const firstPatience = 100 * time.Millisecond

// Patience is how long a call takes at most at an instance that does well: the
// time after which a second attempt should join one that is a Probe.
func (p Picked) Patience() time.Duration {
	if limit := p.node.pool.learned.limit.Load(); limit < math.MaxInt64 {
		return time.Duration(limit)
	}
	return firstPatience
}
