package loadbalance

import (
	"math/rand/v2"
	"slices"
	"time"
)

// choice is one pick among the nodes of a set.
type choice struct {
	*set
	now   time.Duration
	decay time.Duration
	tried []string
}

// lower draws two nodes and takes the better: the one with the lower load, or
// with the lower product of load and latency.
func (c *choice) lower(latency bool) *node {
	a := c.draw(c.random())
	b := c.another(a)
	if c.score(b, latency) < c.score(a, latency) {
		return b
	}
	return a
}

func (c *choice) score(n *node, latency bool) float64 {
	if !latency {
		return n.load(c.now)
	}
	expected := n.expected(c.now, c.decay)
	if n.peak.get() == 0 {
		expected = c.usual()
		if n.inFlight.Load() == 0 { // sinks while nobody finds out
			expected *= n.memory(c.now, c.decay)
		}
	}
	return (n.load(c.now) + 1) * max(expected, 1)
}

// draw is n if it may be used, else one drawn among those that may.
func (c *choice) draw(n *node) *node {
	if c.rank(n) == 0 {
		return n
	}
	best := c.best(nil)
	for range 2 * len(c.nodes) {
		if n = c.random(); c.rank(n) <= c.rank(best) {
			return n
		}
	}
	return best
}

// another is a node as good as a but not a, or a when there is none.
func (c *choice) another(a *node) *node {
	const tries = 4
	for range tries {
		if b := c.random(); b != a && c.rank(b) == 0 {
			return b
		}
	}
	if b := c.best(a); b != nil && c.rank(b) <= c.rank(a) {
		return b
	}
	return a
}

// best is a node of the lowest rank other than not, nil when there is none.
func (c *choice) best(not *node) *node {
	var best *node
	from := rand.IntN(len(c.nodes))
	for i := range c.nodes {
		n := c.nodes[(from+i)%len(c.nodes)]
		if n != not && (best == nil || c.rank(n) < c.rank(best)) {
			best = n
		}
	}
	return best
}

// roundRobin is the node of the next turn. The turns of nodes that may not be
// used are skipped, so that they fall to all others alike.
func (c *choice) roundRobin(next func() uint64) *node {
	lowest := 0
	for range 2 {
		for range 2 * len(c.nodes) {
			if n := c.turn(next()); c.rank(n) <= lowest {
				return n
			}
		}
		lowest = c.rank(c.best(nil))
	}
	return c.best(nil)
}

// rank orders nodes by how well they may be used: first those that are neither
// ejected nor tried, last those that are both.
func (c *choice) rank(n *node) int {
	rank := 0
	if n.out(c.now) {
		rank++
	}
	if len(c.tried) > 0 && slices.Contains(c.tried, n.id()) {
		rank += 2
	}
	return rank
}
