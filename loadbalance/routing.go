package loadbalance

import (
	"sync/atomic"
	"time"
)

// routing is the immutable view that picks choose by, without a lock.
type routing struct {
	algorithm algorithm
	schedule  schedule // of main; empty unless round robin needs nothing but a position
	// uniform says that all nodes are in main and have their whole share.
	uniform  bool
	main     *group // the usable nodes; with Policy.Zone, those in it
	spill    *group // the usable nodes of other zones; nil if all are in main
	excluded *group // the nodes that are out; nil if none
	growth   growth // of the usable nodes
	nodes    []*node
	perDecay float64 // 1 ÷ Policy.Decay, in ns
	policy   Policy
}

// algorithm chooses in a group of nodes. It knows nothing of ejection, probation or zones.
// The algorithms are [peakEWMA], [leastRequest], [roundRobin], [random] and
// [consistentHash].
type algorithm interface {
	// choose returns a node of the group, and nil if none of them may be chosen. The
	// choice is passed by value, since a pointer in a call by interface would be allocated.
	choose(c choice, g *group) *node
}

// newRouting splits the nodes into groups. in and out are the usable nodes and the others.
// The algorithm is still to be set.
func newRouting(p Policy, nodes, in, out []*node, now time.Duration) *routing {
	rt := &routing{policy: p, nodes: nodes, perDecay: 1 / float64(p.Decay)}
	rt.growth = growing(in, now, p.SlowStart)
	isLocal := func(n *node) bool { return n.instance.Load().Zone() == p.Zone }
	if local, far := split(in, isLocal); p.Zone != "" && len(local) > 0 && len(far) > 0 {
		rt.main, rt.spill = newGroup(local), newGroup(far)
	} else {
		rt.main = newGroup(in)
	}
	if len(out) > 0 {
		rt.excluded = newGroup(out)
	}
	rt.uniform = rt.spill == nil && rt.excluded == nil && rt.growth.until == 0 && len(in) > 0
	return rt
}

// groups are the groups that are set.
func (rt *routing) groups() (all []*group) {
	for _, g := range []*group{rt.main, rt.spill, rt.excluded} {
		if g != nil {
			all = append(all, g)
		}
	}
	return all
}

// choose prefers a usable node that has not been tried, then one that is out, then any
// usable one. It returns nil if there are no nodes.
func (rt *routing) choose(c choice) *node {
	if len(rt.nodes) == 0 {
		return nil
	}
	first, second := rt.main, rt.spill
	if second != nil && rt.isZoneOverloaded(&c) {
		first, second = second, first
	}
	for _, g := range [...]*group{first, second, rt.excluded} {
		if g != nil {
			if n := rt.algorithm.choose(c, g); n != nil {
				return n
			}
		}
	}
	c.tried = nil
	return rt.algorithm.choose(c, first)
}

// isZoneOverloaded says that nodes of the caller's zone have clearly more calls in flight
// than the others.
func (rt *routing) isZoneOverloaded(c *choice) bool {
	const factor, slack = 1.5, 2
	lowerLoad := func(g *group) float64 {
		a, b := g.drawTwo(c.rng.Uint64())
		return min(a.load(c.now), b.load(c.now))
	}
	return lowerLoad(rt.main) > factor*lowerLoad(rt.spill)+slack
}

// sampling says which picks are timed: the first 256 after each sweep, so all below a
// thousand a second, and one in sixty-four of the others.
type sampling struct{ allUntil atomic.Uint64 }

func (s *sampling) restart(pick uint64) { s.allUntil.Store(pick + 256) }

// times says that a pick, by its number, is timed.
func (s *sampling) times(pick uint64) bool {
	const oneIn64 = 1 << 58
	return pick < s.allUntil.Load() || pick*golden < oneIn64
}

const golden = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio
