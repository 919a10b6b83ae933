package loadbalance

import (
	"math"
	"slices"
	"time"
)

// failures compares how often nodes fail. It changes none of them.
type failures struct {
	nodes  []*node
	policy Ejection
}

func (h *health) failures() failures { return failures{h.nodes, h.policy.Ejection} }

// anotherWorks says that a node other than n works and has answered since a moment.
func (f failures) anotherWorks(n *node, since time.Duration) bool {
	works := worksSince(since)
	return slices.ContainsFunc(f.nodes, func(other *node) bool { return other != n && works(other) })
}

// worksSince selects healthy nodes that have not failed their last call and have answered
// since a moment.
func worksSince(since time.Duration) func(*node) bool {
	return func(n *node) bool {
		return n.isHealthy() && n.streak.Load() == 0 && n.lastAnswer.Load() >= int64(since)
	}
}

// shareFailing is the share of the healthy nodes other than n whose last calls, so many
// in a row, have failed.
func (f failures) shareFailing(n *node, streak int32) float64 {
	bad, all := 0, 0
	for _, other := range f.nodes {
		if other == n || !other.isHealthy() {
			continue
		}
		all++
		if other.streak.Load() >= streak {
			bad++
		}
	}
	return float64(bad) / float64(max(all, 1))
}

// chance is the probability of a row of failures, at the failure rate of the others, below
// which the row is no coincidence.
const chance = 1e-6

// failsMoreInARow says that a node has failed too often in a row, and that one with the
// failure rate of the others would do so by chance at most.
func (f failures) failsMoreInARow(n *node, others func(*node) bool) bool {
	streak := int(n.streak.Load())
	if streak < f.policy.Failures {
		return false
	}
	sum, rated := 0.0, 0
	for _, other := range f.nodes {
		if rate, known := other.recent.failureRate(&other.stats); known && other != n && others(other) {
			sum += rate
			rated++
		}
	}
	return rated == 0 || math.Pow(sum/float64(rated), float64(streak)) < chance
}

// rates are the failure rates of the healthy nodes with enough calls.
type rates struct {
	sum   float64
	nodes int
}

func (f failures) rates() (r rates) {
	for _, n := range f.nodes {
		if n.isHealthy() && f.isRated(n) {
			r.sum += n.recent.failures / n.recent.calls
			r.nodes++
		}
	}
	return r
}

func (f failures) isRated(n *node) bool { return n.recent.calls >= float64(f.policy.MinCalls) }

// failsMoreOften says that the success rate of a node is Gap points below the mean of the
// others', by more than chance explains, and that it continues to fail.
func (f failures) failsMoreOften(n *node, all rates) bool {
	if all.nodes < 2 || !f.isRated(n) {
		return false
	}
	const deviations = 4 // a difference of so many standard deviations is no chance
	rate := n.recent.failures / n.recent.calls
	others := (all.sum - rate) / float64(all.nodes-1)
	gap := rate - others
	continues := n.recent.briefFailures >= float64(f.policy.Gap)/200*n.recent.briefCalls
	return continues && gap >= float64(f.policy.Gap)/100 &&
		gap*gap*n.recent.calls >= deviations*deviations*others*(1-others)
}

// countFailure counts a failure of a call that started at start, as so many in a row. It
// says whether a row is complete, so that the node may have to be ejected. It is safe for
// concurrent use.
func (n *node) countFailure(start time.Duration, as int32, e *Ejection) (completed bool) {
	if !n.isHealthy() || n.health.ignores(start) {
		return false
	}
	streak, row := n.streak.Add(as), int32(e.Failures)
	return !e.Disabled && streak/row != (streak-as)/row
}
