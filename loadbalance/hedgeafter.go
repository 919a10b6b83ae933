package loadbalance

import (
	"math"
	"time"
)

const (
	// defaultHedgeAfter is for a pool whose latency is not known yet.
	defaultHedgeAfter = 100 * time.Millisecond
	// At manyCalls in the last two seconds, one more attempt leaves enough of the retry
	// budget.
	manyCalls = 100
)

// HedgeAfter is how long an attempt that is a Probe may take before a second one should
// start: the mean latency of the median healthy instance. So the caller of a probe waits
// about twice as long as others at most. With fewer than 50 calls a second, or after a
// good probe, which shows that the instance is likely well, it is the longest latency
// that is not slow, since the second attempt uses up the budget of a retry. It is 100 ms
// if the latency is not known.
func (p Picked) HedgeAfter() time.Duration {
	b := p.node.pool
	after := b.stats.slowAbove.Load()
	b.mu.Lock()
	calls := 0.0
	for _, n := range b.nodes {
		calls += n.recent.briefCalls
	}
	if calls >= manyCalls && p.node.probes.successes == 0 {
		after = b.stats.medianLatency.Load()
	}
	b.mu.Unlock()
	if after == 0 || after == math.MaxInt64 {
		return defaultHedgeAfter
	}
	return time.Duration(after)
}
