package loadbalance

import (
	"math"
	"time"
)

// The bounds of a node's load, in fair shares.
const (
	boundInFlight = 1.25
	boundRecent   = 1.2 // lower: the calls that one looks at need not be those that are counted here
	// enough are so many calls, and so many for each node, before recent ones
	// are bounded: fewer are all of the same few keys, and should find their node.
	enough, enoughEach = 1000, 20
	// halfLife is how soon recent calls count half.
	halfLife = 5 * time.Second
)

// byHash is the node of the key, or the next of that key which may have it.
func (c *choice) byHash(g *group, key string) *node {
	owner := c.view.owner
	h := hashOf(key)
	const tries = 32
	at := h
	for range tries {
		n := owner[at%buckets]
		if c.mayHave(n, g, h) && !c.pool.crowded(n, c.view) {
			return n
		}
		at = scramble(at + golden)
	}
	n := c.other(g, g.draw(at), nil)
	if n == nil {
		return nil
	}
	if m := c.other(g, g.draw(scramble(at)), n); m != nil && m.load(c.now) < n.load(c.now) {
		return m
	}
	return n
}

// mayHave says that the node is in the group, not tried, and has grown to the
// share of this key.
func (c *choice) mayHave(n *node, g *group, h uint64) bool {
	v := c.view
	switch {
	case c.isTried(n) || n.shut.Load() != (g == v.out):
		return false
	case v.spill != nil && g != v.out && (n.instance.Load().Zone() == v.policy.Zone) != (g == v.main):
		return false
	}
	return !c.warm || float64(h>>11)/(1<<53) < c.grown(n)
}

// bound is the first node of a key that is not crowded, where all are used alike;
// nil when there is none soon.
func (b *Pool) bound(v *view, key string) *node {
	const tries = 32
	at := hashOf(key)
	for range tries {
		if n := v.owner[at%buckets]; !b.crowded(n, v) {
			return n
		}
		at = scramble(at + golden)
	}
	return nil
}

// crowded says that one more call would be more than the node's bounded share of
// those in flight, or of the recent ones.
func (b *Pool) crowded(n *node, v *view) bool {
	perShare := n.perShare.get() * v.shares
	all := b.all.Load()
	if own := n.inFlight(); own > 0 && float64(own+1) > math.Ceil(boundInFlight*float64(uint32(all)+1)/perShare) {
		return true
	}
	recent := float64(uint32(all>>32) + uint32(all) - b.learned.base.Load())
	if recent < max(enough, enoughEach*float64(len(v.nodes))) {
		return false
	}
	return float64(n.calls()-n.base.Load()+1)*perShare > boundRecent*(recent+1)
}

// halve lets the calls so far count half.
func (b *Pool) halve() {
	all := b.all.Load()
	half := func(calls uint32, base uint32) uint32 { return base + (calls-base)/2 }
	b.learned.base.Store(half(uint32(all>>32)+uint32(all), b.learned.base.Load()))
	for _, n := range b.nodes {
		n.base.Store(half(n.calls(), n.base.Load()))
	}
}

// forget lets them count not at all.
func (b *Pool) forget() {
	all := b.all.Load()
	b.learned.base.Store(uint32(all>>32) + uint32(all))
	for _, n := range b.nodes {
		n.base.Store(n.calls())
	}
}
