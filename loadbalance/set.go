package loadbalance

import (
	"math/rand/v2"
	"sort"
	"time"
)

// set is the nodes of a pool between two updates. It does not change.
type set struct {
	nodes []*node
	upTo  []float64 // running total of the weights; nil when all are equal
}

// newSet makes the set of nodes of these weights, and tells each its share.
func newSet(nodes []*node, weights []float64) *set {
	s := &set{nodes: nodes}
	total, equal := 0.0, true
	for _, w := range weights {
		total += w
		s.upTo = append(s.upTo, total)
		equal = equal && w == weights[0]
	}
	for i, n := range nodes {
		n.share.set(weights[i] * float64(len(nodes)) / total)
	}
	if equal {
		s.upTo = nil
	}
	return s
}

// random is a node drawn by weight.
func (s *set) random() *node {
	if s.upTo == nil {
		return s.nodes[rand.IntN(len(s.nodes))]
	}
	return s.at(rand.Float64())
}

// turn is the node of a turn. With weights it is the one in whose share of them
// the golden-ratio sequence falls, which visits every node as often as its
// weight says and never in bursts.
func (s *set) turn(t uint64) *node {
	if s.upTo == nil {
		return s.nodes[t%uint64(len(s.nodes))]
	}
	const golden = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio
	return s.at(float64(t*golden) / (1 << 64))
}

// at is the node in whose share x falls, from 0 to 1.
func (s *set) at(x float64) *node {
	last := len(s.upTo) - 1
	x *= s.upTo[last]
	return s.nodes[min(sort.Search(last, func(i int) bool { return s.upTo[i] > x }), last)]
}

// usual is the mean over the nodes whose latency is known, 0 if none is.
func (s *set) usual() float64 {
	sum, known := 0.0, 0
	for _, n := range s.nodes {
		if l := n.usual.get(); l > 0 {
			sum += l
			known++
		}
	}
	return sum / float64(max(known, 1))
}

// slowest is the longest that a call may take at a node that does not fail.
func (s *set) slowest(now, decay time.Duration) float64 {
	longest := 0.0
	for _, n := range s.nodes {
		if n.failures.Load() == 0 && !n.out(now) {
			longest = max(longest, n.expected(now, decay))
		}
	}
	return longest
}

// readmit ends ejections until e allows as many as there are, the first to end
// first.
func (s *set) readmit(now time.Duration, e Ejection) {
	for {
		var first *node
		out := 0
		for _, n := range s.nodes {
			if !n.out(now) {
				continue
			}
			out++
			if first == nil || n.ejectedUntil.Load() < first.ejectedUntil.Load() {
				first = n
			}
		}
		if first == nil || e.allows(out, len(s.nodes)) {
			return
		}
		first.ejectedUntil.Store(int64(now))
	}
}
