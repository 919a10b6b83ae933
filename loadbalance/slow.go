package loadbalance

import (
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/internal/atomicfloat"
)

// latencies compares how long calls to the nodes take. Its numbers are in ns, as of the last
// update. Calls read the atomic ones while the others are guarded by Pool.mu.
type latencies struct {
	mean           atomicfloat.Float64 // of all nodes; 0 if not known
	maxExpected    atomicfloat.Float64 // longest expected latency of a node that does not fail
	meanExpected   atomicfloat.Float64 // mean of the expected latencies of such nodes
	medianExpected atomicfloat.Float64 // median of the expected latencies of such nodes; 0 if not known
	median         atomic.Int64        // mean latency of the median node; 0 if not known
	slowAbove      atomic.Int64        // a longer call is slow

	factor         float64   // Probation.Factor
	perDecay       float64   // 1 ÷ Policy.Decay
	sortedMeans    []float64 // of the healthy nodes
	sortedExpected []float64 // of the nodes that work
}

// update compares the nodes.
func (l *latencies) update(nodes []*node, p Policy, now time.Duration) {
	l.factor, l.perDecay = p.Probation.Factor, 1/float64(p.Decay)
	l.sortedMeans, l.sortedExpected = l.sortedMeans[:0], l.sortedExpected[:0]
	longest, sum, count := 0.0, 0.0, 0
	for _, n := range nodes {
		if !n.isHealthy() {
			continue
		}
		if mean := n.latency.mean(); mean > 0 {
			l.sortedMeans = append(l.sortedMeans, mean)
		}
		if n.streak.Load() == 0 {
			expected := n.latency.expected(now, l.perDecay)
			longest = max(longest, expected)
			sum += expected
			count++
			if !n.isSilent(p.Ejection.Failures) {
				l.sortedExpected = append(l.sortedExpected, expected)
			}
		}
	}
	slices.Sort(l.sortedMeans)
	slices.Sort(l.sortedExpected)
	l.mean.Store(meanLatency(nodes))
	l.maxExpected.Store(longest)
	l.meanExpected.Store(sum / float64(max(count, 1)))
	medianExpected := 0.0
	if len(l.sortedExpected) > 1 {
		medianExpected = lowerMedian(l.sortedExpected)
	}
	l.medianExpected.Store(medianExpected)
	slowAbove, median := int64(math.MaxInt64), 0.0
	if l.known() {
		median = lowerMedian(l.sortedMeans)
		slowAbove = int64(l.slowThreshold(median))
	}
	l.median.Store(int64(median))
	l.slowAbove.Store(slowAbove)
}

// known says that the latency of at least one healthy node is known.
func (l *latencies) known() bool { return len(l.sortedMeans) > 0 }

func lowerMedian(sorted []float64) float64 { return sorted[(len(sorted)-1)/2] }

// lowerMedianWithoutLast is the median of the others, for a node that is slower than they
// are.
func lowerMedianWithoutLast(sorted []float64) float64 { return sorted[max((len(sorted)-2)/2, 0)] }

// minSlowGap is how much longer than others a slow call takes at least, in ns.
const minSlowGap = float64(time.Millisecond)

// slowThreshold is above which latency a call is slow, for a latency of the others.
func (l *latencies) slowThreshold(latency float64) float64 {
	return max(l.factor*latency, latency+minSlowGap)
}

// slowNodes is how slow the healthy nodes are, to compare one with the others.
type slowNodes struct {
	*latencies
	now           time.Duration
	limit         float64 // a longer latency is slow
	nodes         int
	slowness      float64 // sum of all
	slow, answers float64 // in briefWindow
}

// compare returns how slow the healthy nodes are. The latencies must be known.
func (l *latencies) compare(nodes []*node, now time.Duration) slowNodes {
	s := slowNodes{latencies: l, now: now, limit: l.slowThreshold(lowerMedianWithoutLast(l.sortedMeans))}
	for _, n := range nodes {
		if n.isHealthy() {
			s.nodes++
			s.slowness += s.of(n)
			s.slow += n.recent.briefSlow
			s.answers += n.recent.briefCalls
		}
	}
	return s
}

// of is the slowness of a node: the share of slow answers among its recent ones, or 1 if its
// calls hang for longer than the limit.
func (s *slowNodes) of(n *node) float64 {
	const (
		minSilentCalls = 3
		minSilence     = float64(100 * time.Millisecond)
	)
	if n.inFlight() >= minSilentCalls && n.silence(s.now) > max(s.limit, minSilence) {
		return 1
	}
	if n.recent.briefSlow < minSlowAnswers-0.5 {
		return 0
	}
	return n.recent.briefSlow / n.recent.briefCalls
}

// minSlowAnswers is how many slow answers say something of a node.
const minSlowAnswers = 3

// isOutlier says that a node is clearly slower than the others, more often than by chance:
// where all are busy some queue is always the longest, and without that node the others
// would be overloaded. starves says that a node with a high latency gets no calls.
func (s *slowNodes) isOutlier(n *node, starves bool) bool {
	const (
		minShare                = 0.5  // of slow answers
		maxOthersShare          = 0.25 // above it the others are slow, too
		maxOthersShareOfStarved = 0.02 // the same for a node that gets no calls, and may seem slow by chance
		deviations              = 4    // a difference of so many standard deviations is no chance
	)
	own := s.of(n)
	othersSlow, othersAnswers := s.slow-n.recent.briefSlow, s.answers-n.recent.briefCalls
	// expected is how many slow answers it would have at the rate of the others.
	expected := n.recent.briefCalls * othersSlow / max(othersAnswers, 1)
	isUnusual := n.recent.briefSlow >= max(minSlowAnswers-1, expected+deviations*math.Sqrt(expected))
	isSlow := isUnusual && (own >= minShare || n.latency.mean() >= s.limit)
	isSlow = isSlow || starves && othersSlow <= maxOthersShareOfStarved*othersAnswers && s.isStarved(n)
	return isSlow && (s.slowness-own)/float64(s.nodes-1) < maxOthersShare
}

// isStarved says that a node gets no calls because its expected latency is so high.
func (s *slowNodes) isStarved(n *node) bool {
	return n.recent.newAnswers == 0 && n.inFlight() == 0 && len(s.sortedExpected) > 1 &&
		n.latency.expected(s.now, s.perDecay) > s.slowThreshold(lowerMedianWithoutLast(s.sortedExpected))
}
