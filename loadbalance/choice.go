package loadbalance

import (
	"slices"
	"time"
)

// choice is the state of one pick.
type choice struct {
	pool         *Pool
	routing      *routing
	now          time.Duration
	tried        []string
	hasSlowStart bool // an instance has not its full share yet
}

// choose prefers a healthy node that has not been tried, then an excluded one, then any
// healthy one.
func (c *choice) choose(key string) *node {
	rt := c.routing
	first, second := rt.main, rt.spill
	if second != nil && c.isZoneOverloaded() {
		first, second = second, first
	}
	if n := c.chooseIn(first, key); n != nil {
		return n
	}
	for _, g := range []*group{second, rt.excluded} {
		if g != nil {
			if n := c.chooseIn(g, key); n != nil {
				return n
			}
		}
	}
	c.tried = nil
	return c.chooseIn(first, key)
}

// chooseIn returns a node of the group, and nil if all of them were tried.
func (c *choice) chooseIn(g *group, key string) *node {
	switch c.routing.kind {
	case roundRobin:
		for range 2 * len(g.nodes) {
			if n := g.scheduledNode(c.pool.picks.Add(1) - 1); c.accepts(n) {
				return n
			}
		}
	case consistentHash:
		if key != "" {
			return c.chooseByKey(g, key)
		}
	case leastRequest:
		a, b := c.drawTwo(g)
		if a != b && b.load(c.now) < a.load(c.now) {
			return b
		}
		return a
	case peakEWMA:
		a, b := c.drawTwo(g)
		if a == b {
			return a
		}
		return c.routing.cheaper(a, b, c.now)
	}
	return c.drawOther(g, g.draw(c.pool.rng.Uint64()), nil)
}

// cheaper returns the node where a call is expected to cost less. If only one of them
// failed its last call, it costs at least failureCost calls to the other one, fading
// while it gets no call. A charge by what the others took when it failed would not do:
// the other node may have become slower since.
func (rt *routing) cheaper(a, b *node, now time.Duration) *node {
	failsA, failsB := a.streak.Load() != 0, b.streak.Load() != 0
	if failsA && !failsB {
		a, b, failsA, failsB = b, a, failsB, failsA
	}
	waitA, loadA := rt.cost(a, now)
	waitB, loadB := rt.cost(b, now)
	if failsB && !failsA {
		waitB = max(waitB, failureCost*waitA*expDecay(float64(int64(now)-b.latency.updatedAt.Load())*rt.inverseDecay))
	}
	if waitB*(loadB+1) < waitA*(loadA+1) {
		return b
	}
	return a
}

// cost is the expected latency of a single call, in ns, and the calls in flight relative
// to the node's share.
func (rt *routing) cost(n *node, now time.Duration) (wait, load float64) {
	_, wait = n.latency.meanAndPeak()
	if wait == 0 {
		wait = n.pool.stats.meanLatency.get()
	}
	at := n.latency.updatedAt.Load()
	wait *= expDecay(float64(int64(now)-at) * rt.inverseDecay)
	load = n.phantom.load(now)
	if inFlight := n.inFlight(); inFlight > 0 { // a node whose calls hang costs more and more
		if silence := float64(int64(now) - max(at, n.busySince.Load())); silence > wait {
			wait = silence
		}
		load += float64(inFlight)
	}
	if wait < 1 {
		wait = 1
	}
	return wait, load * n.inverseWeight.get()
}

// drawTwo draws two nodes by weight. They are the same if only one is accepted, and nil
// if none is.
func (c *choice) drawTwo(g *group) (a, b *node) {
	a, b = g.drawTwo(c.pool.rng.Uint64())
	if !c.hasSlowStart && len(c.tried) == 0 {
		return a, b
	}
	if a = c.drawOther(g, a, nil); a == nil {
		return nil, nil
	}
	if b = c.drawSecond(g, b, a); b == nil {
		b = a
	}
	return a, b
}

// drawSecond returns n, or another node by draw, to compare a with; nil if there is
// none. A slow-starting node mostly has no call in flight, and would be the better of
// two each time: it is only drawn by its share, and once.
func (c *choice) drawSecond(g *group, n, a *node) *node {
	skipped := false
	for range maxDraws {
		if n != a && !c.isTried(n) && !(skipped && c.isSlowStarting(n)) {
			if c.accepts(n) {
				return n
			}
			skipped = true
		}
		n = g.draw(c.pool.rng.Uint64())
	}
	if n = c.anyUntried(g, a); n == nil || c.isSlowStarting(n) || !comparableWeight(a, n) {
		return nil
	}
	return n
}

// maxDraws is enough to find an accepted node where most are.
const maxDraws = 4

// drawOther returns n if it is accepted, else another accepted node that is not except,
// and nil if there is none.
func (c *choice) drawOther(g *group, n, except *node) *node {
	if n = c.tryDraws(g, n, except); n == nil {
		n = c.anyUntried(g, except)
	}
	return n
}

// tryDraws returns n if it is accepted, else one of a few draws that is and is not
// except, and nil if none of them is.
func (c *choice) tryDraws(g *group, n, except *node) *node {
	for range maxDraws {
		if n != except && c.accepts(n) {
			return n
		}
		n = g.draw(c.pool.rng.Uint64())
	}
	return nil
}

// anyUntried draws by weight from the nodes that were not tried and are not except; nil if
// there is none.
func (c *choice) anyUntried(g *group, except *node) (last *node) {
	all := 0.0
	for _, n := range g.nodes {
		if n != except && !c.isTried(n) {
			all += 1 / n.inverseWeight.get()
		}
	}
	at := all * c.pool.rng.Float64()
	for _, n := range g.nodes {
		if n == except || c.isTried(n) {
			continue
		}
		last = n
		if at -= 1 / n.inverseWeight.get(); at < 0 {
			break
		}
	}
	return last
}

// accepts says that the call has not tried the node. A slow-starting node is accepted
// with the probability of its grown share.
func (c *choice) accepts(n *node) bool {
	return !c.isTried(n) && (!c.isSlowStarting(n) || c.pool.rng.Float64() < c.grownShare(n))
}

func (c *choice) isSlowStarting(n *node) bool { return c.hasSlowStart && c.grownShare(n) < 1 }

func (c *choice) isTried(n *node) bool {
	return len(c.tried) > 0 && slices.Contains(c.tried, n.id())
}

// grownShare is 1 except for a slow-starting node.
func (c *choice) grownShare(n *node) float64 {
	if !n.slowStarting {
		return 1
	}
	const initialShare = 0.1
	return max(float64(c.now-n.addedAt)/float64(c.routing.policy.SlowStart.Window), initialShare)
}

// isZoneOverloaded says that nodes of the caller's zone have clearly more calls in flight
// than the others.
func (c *choice) isZoneOverloaded() bool {
	const factor, slack = 1.5, 2
	lowerLoad := func(g *group) float64 {
		a, b := g.drawTwo(c.pool.rng.Uint64())
		return min(a.load(c.now), b.load(c.now))
	}
	return lowerLoad(c.routing.main) > factor*lowerLoad(c.routing.spill)+slack
}
