package loadbalance

import (
	"math"
	"time"
)

// The bounds of a node's load, in fair shares.
const (
	maxSharesInFlight = 1.25
	maxSharesRecent   = 1.2 // lower, since an observer may count over another period
	// Below so many recent calls, and so many for each node, there is no bound for
	// them: they may be of a few keys only, and should reach their node.
	minRecent, minRecentEach = 1000, 20
	// halvingInterval is how often the recent calls are halved.
	halvingInterval = 5 * time.Second
)

// chooseByKey returns the owner of the key, or the next node of the key that may serve it.
func (c *choice) chooseByKey(g *group, key string) *node {
	owner := c.routing.owners
	h := hashOf(key)
	const tries = 32
	at := h
	for range tries {
		n := owner[at%buckets]
		if c.mayServe(n, g, h) && !c.pool.exceedsBound(n, c.routing) {
			return n
		}
		at = scramble(at + golden)
	}
	n := c.drawOther(g, g.draw(at), nil)
	if n == nil {
		return nil
	}
	if m := c.drawOther(g, g.draw(scramble(at)), n); m != nil && m.load(c.now) < n.load(c.now) {
		return m
	}
	return n
}

// mayServe says that the node is in the group, not tried, and, if slow-starting, has grown
// to the share of this key.
func (c *choice) mayServe(n *node, g *group, h uint64) bool {
	rt := c.routing
	switch {
	case c.isTried(n) || n.excluded.Load() != (g == rt.excluded):
		return false
	case rt.spill != nil && g != rt.excluded && (n.instance.Load().Zone() == rt.policy.Zone) != (g == rt.main):
		return false
	}
	return !c.hasSlowStart || float64(h>>11)/(1<<53) < c.grownShare(n)
}

// pickOwner returns the first node of a key within its bound, for a uniform routing; nil
// if none of the first ones is.
func (b *Pool) pickOwner(rt *routing, key string) *node {
	const tries = 32
	at := hashOf(key)
	for range tries {
		if n := rt.owners[at%buckets]; !b.exceedsBound(n, rt) {
			return n
		}
		at = scramble(at + golden)
	}
	return nil
}

// exceedsBound says that one more call would exceed the node's bound in flight, or of
// recent calls.
func (b *Pool) exceedsBound(n *node, rt *routing) bool {
	perShare := n.inverseWeight.get() * rt.totalShares
	all := b.keyedTraffic.Load()
	if own := n.inFlight(); own > 0 && float64(own+1) > math.Ceil(maxSharesInFlight*float64(uint32(all)+1)/perShare) {
		return true
	}
	recent := float64(uint32(all>>32) + uint32(all) - b.stats.callsBase.Load())
	if recent < max(minRecent, minRecentEach*float64(len(rt.nodes))) {
		return false
	}
	return float64(n.totalCalls()-n.callsBase.Load()+1)*perShare > maxSharesRecent*(recent+1)
}

// halveCounts halves the recent calls.
func (b *Pool) halveCounts() {
	all := b.keyedTraffic.Load()
	half := func(calls uint32, base uint32) uint32 { return base + (calls-base)/2 }
	b.stats.callsBase.Store(half(uint32(all>>32)+uint32(all), b.stats.callsBase.Load()))
	for _, n := range b.nodes {
		n.callsBase.Store(half(n.totalCalls(), n.callsBase.Load()))
	}
}

// resetCounts starts to count recent calls at zero.
func (b *Pool) resetCounts() {
	all := b.keyedTraffic.Load()
	b.stats.callsBase.Store(uint32(all>>32) + uint32(all))
	for _, n := range b.nodes {
		n.callsBase.Store(n.totalCalls())
	}
}
