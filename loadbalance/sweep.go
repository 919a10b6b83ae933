package loadbalance

import (
	"math"
	"slices"
	"time"
)

// sweepInterval is how often a pool compares its nodes.
const sweepInterval = 250 * time.Millisecond

// Thresholds of a slow node.
const (
	briefWindow          = 2 * time.Second
	minSlowAnswers       = 3
	minSlowShare         = 0.5
	maxOthersSlow        = 0.25 // share of slow answers of the others: above it the node is no outlier
	maxOthersSlowShunned = 0.02 // the same for a node that gets no calls, and may seem slow by chance
	minSlowGap           = float64(time.Millisecond)
	minSilence           = float64(100 * time.Millisecond)
	minSilentCalls       = 3
)

// recent is what a node has answered recently, with fading counts.
type recent struct {
	answers, failed, slow, neutral       uint32  // totals at the last sweep
	newAnswers, calls, failures          float64 // over Ejection.Window; newAnswers since the last sweep
	briefCalls, briefSlow, briefFailures float64 // over briefWindow
}

// add adds the calls since the last sweep and fades the earlier ones to these weights.
func (r *recent) add(n *node, weight, briefWeight float64) {
	answers, failed, slow, neutral := uint32(n.traffic.Load()>>32), n.failedCount.Load(), n.slowCount.Load(), n.neutralCount.Load()
	r.newAnswers = float64(answers-r.answers) - float64(neutral-r.neutral)
	r.calls = r.calls*weight + r.newAnswers
	r.failures = r.failures*weight + float64(failed-r.failed)
	r.briefCalls = r.briefCalls*briefWeight + r.newAnswers
	r.briefSlow = r.briefSlow*briefWeight + float64(slow-r.slow)
	r.briefFailures = r.briefFailures*briefWeight + float64(failed-r.failed)
	r.answers, r.failed, r.slow, r.neutral = answers, failed, slow, neutral
}

// failureRate includes the calls since the last sweep. It is the rate of the whole window,
// or of briefWindow if that is worse by more than one failure: at the start of an outage a
// node must be compared with how the others do now.
func (r *recent) failureRate(n *node) (share float64, known bool) {
	answers := float64(uint32(n.traffic.Load()>>32)-r.answers) - float64(n.neutralCount.Load()-r.neutral)
	failures := float64(n.failedCount.Load() - r.failed)
	if r.calls+answers <= 0 {
		return 0, false
	}
	share = (r.failures + failures) / (r.calls + answers)
	if brief := r.briefFailures + failures; brief > 1 {
		share = max(share, brief/(r.briefCalls+answers))
	}
	return share, true
}

func (r *recent) reset(n *node) {
	r.add(n, 0, 0)
	r.newAnswers, r.calls, r.failures, r.briefCalls, r.briefSlow, r.briefFailures = 0, 0, 0, 0, 0, 0
}

// sweep compares the nodes, unless another call does so now.
func (b *Pool) sweep(now time.Duration) {
	if !b.mu.TryLock() {
		return
	}
	defer b.mu.Unlock()
	if int64(now) < b.stats.nextSweep.Load() {
		return
	}
	b.stats.nextSweep.Store(int64(now + sweepInterval))
	b.stats.timedUntil.Store(b.picks.Load() + timedPicks)
	since := float64(now - b.lastSweep)
	b.lastSweep = now
	weight := math.Exp(-since / float64(b.policy.Ejection.Window))
	briefWeight := math.Exp(-since / float64(briefWindow))
	for _, n := range b.nodes {
		n.recent.add(n, weight, briefWeight)
	}
	if now-b.lastHalving > halvingInterval && b.policy.Algorithm == ConsistentHash {
		b.lastHalving = now
		b.halveCounts()
	}
	b.updateStats(now)
	routing := b.routing.Load()
	changed := routing.slowStartUntil > 0 && routing.slowStartUntil <= now
	changed = b.ejectFailing(now) || changed
	changed = b.detectSlow(now) || changed
	if changed {
		b.publish(now)
	}
}

// updateStats publishes latencies to picks.
func (b *Pool) updateStats(now time.Duration) {
	b.sortedLatencies, b.sortedExpected = b.sortedLatencies[:0], b.sortedExpected[:0]
	maxExpected, sum, count := 0.0, 0.0, 0
	for _, n := range b.nodes {
		if n.health.Load() != healthy {
			continue
		}
		if mean := n.latency.mean(); mean > 0 {
			b.sortedLatencies = append(b.sortedLatencies, mean)
		}
		if n.streak.Load() == 0 {
			expected := n.expectedLatency(now, 1/float64(b.policy.Decay))
			maxExpected = max(maxExpected, expected)
			sum += expected
			count++
			if !b.isSilent(n) {
				b.sortedExpected = append(b.sortedExpected, expected)
			}
		}
	}
	slices.Sort(b.sortedLatencies)
	slices.Sort(b.sortedExpected)
	b.stats.meanLatency.set(poolMeanLatency(b.nodes))
	b.stats.maxExpected.set(maxExpected)
	b.stats.meanExpected.set(sum / float64(max(count, 1)))
	medianExpected := 0.0
	if len(b.sortedExpected) > 1 {
		medianExpected = b.sortedExpected[(len(b.sortedExpected)-1)/2]
	}
	b.stats.medianExpected.set(medianExpected)
	slowAbove, medianLatency := int64(math.MaxInt64), 0.0
	if k := len(b.sortedLatencies); k > 0 {
		medianLatency = b.sortedLatencies[(k-1)/2]
		slowAbove = int64(b.slowThreshold(medianLatency))
	}
	b.stats.medianLatency.Store(int64(medianLatency))
	b.stats.slowAbove.Store(slowAbove)
}

// slowThreshold is above which latency a call is slow, for a latency of the others.
func (b *Pool) slowThreshold(latency float64) float64 {
	return max(b.policy.Probation.Factor*latency, latency+minSlowGap)
}

// ejectFailing ejects nodes that fail clearly more than the others, and readmits ejected
// nodes when the others fail as much.
func (b *Pool) ejectFailing(now time.Duration) (changed bool) {
	e := b.policy.Ejection
	if e.Disabled {
		return false
	}
	if b.shareFailing(nil, int32(e.Failures)) >= 0.5 {
		for _, n := range b.nodes {
			if n.health.Load() == ejected && !(n.gone && b.anotherWorks(n, 0)) {
				b.readmit(n, now)
				n.streak.Store(int32(e.Failures)) // until a call succeeds
				changed = true
			}
		}
		return changed
	}
	sum, rated := 0.0, 0
	for _, n := range b.nodes {
		if n.health.Load() == healthy && n.recent.calls >= float64(e.MinCalls) {
			sum += n.recent.failures / n.recent.calls
			rated++
		}
	}
	for _, n := range b.nodes {
		switch {
		case n.health.Load() == ejected && b.policy.Probation.Disabled && n.ejectedUntil.Load() <= int64(now):
			b.readmit(n, now)
			changed = true
			continue
		case n.health.Load() != healthy:
			continue
		}
		out := b.failsMoreThanOthers(n, isHealthy)
		if rated > 1 && n.recent.calls >= float64(e.MinCalls) {
			share := n.recent.failures / n.recent.calls
			others := (sum - share) / float64(rated-1)
			gap := share - others // more than four standard deviations are no chance
			stillFailing := n.recent.briefFailures >= float64(e.Gap)/200*n.recent.briefCalls
			out = out || stillFailing && gap >= float64(e.Gap)/100 && gap*gap*n.recent.calls >= 16*others*(1-others)
		}
		changed = out && b.markUnhealthy(n, ejected, now) || changed
	}
	return changed
}

// detectSlow puts nodes on probation that are clearly slower than the others, more often
// than by chance: where all are busy some queue is always the longest, and without that
// node the others would be overloaded.
func (b *Pool) detectSlow(now time.Duration) (changed bool) {
	if b.policy.Probation.Disabled || len(b.sortedLatencies) == 0 {
		return false
	}
	sum, healthyCount := 0.0, 0
	slow, answers := 0.0, 0.0
	for _, n := range b.nodes {
		if n.health.Load() == healthy {
			sum += n.slowness(now, b.slowThreshold(b.medianOfOthers()))
			healthyCount++
			slow, answers = slow+n.recent.briefSlow, answers+n.recent.briefCalls
		}
	}
	for _, n := range b.nodes {
		if n.health.Load() != healthy || 2*b.countSettled(n, now) < healthyCount {
			continue // nodes that have just been readmitted do not serve their full load
		}
		median := b.medianOfOthers()
		limit := b.slowThreshold(median)
		share := n.slowness(now, limit)
		others, answered := slow-n.recent.briefSlow, answers-n.recent.briefCalls
		expectedSlow := n.recent.briefCalls * others / max(answered, 1) // slow answers at the rate of the others
		unusuallySlow := n.recent.briefSlow >= max(minSlowAnswers-1, expectedSlow+4*math.Sqrt(expectedSlow))
		outlier := unusuallySlow && (share >= minSlowShare || n.latency.mean() >= limit) || others <= maxOthersSlowShunned*answered && b.isShunned(n, now)
		if outlier && (sum-share)/float64(healthyCount-1) < maxOthersSlow {
			changed = b.markUnhealthy(n, onProbation, now) || changed
		}
	}
	return changed
}

// countSettled is how many healthy nodes other than n have been so for an Interval.
func (b *Pool) countSettled(n *node, now time.Duration) (settled int) {
	for _, other := range b.nodes {
		if other != n && other.health.Load() == healthy && (other.ignoreBefore.Load() == 0 || int64(now)-other.ignoreBefore.Load() >= int64(b.policy.Probation.Interval)) {
			settled++
		}
	}
	return settled
}

// isShunned says that a node's expected latency is so high that it gets no calls. Then only
// a probe can show how it does.
func (b *Pool) isShunned(n *node, now time.Duration) bool {
	return b.policy.Algorithm == PeakEWMA && n.recent.newAnswers == 0 && n.inFlight() == 0 && len(b.sortedExpected) > 1 &&
		n.expectedLatency(now, 1/float64(b.policy.Decay)) > b.slowThreshold(b.sortedExpected[(len(b.sortedExpected)-2)/2])
}

// medianOfOthers is the median latency of the others, for a node that is slower.
func (b *Pool) medianOfOthers() float64 {
	return b.sortedLatencies[max((len(b.sortedLatencies)-2)/2, 0)]
}

// slowness is the share of slow answers among the recent ones of a node. It is 1 if calls
// hang for longer than limit.
func (n *node) slowness(now time.Duration, limit float64) float64 {
	if n.inFlight() >= minSilentCalls && n.silence(now) > max(limit, minSilence) {
		return 1
	}
	if n.recent.briefSlow < minSlowAnswers-0.5 {
		return 0
	}
	return n.recent.briefSlow / n.recent.briefCalls
}
