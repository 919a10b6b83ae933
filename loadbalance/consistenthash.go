package loadbalance

import (
	"math"
	"sync/atomic"
	"time"
)

// consistentHash is the algorithm [ConsistentHash].
type consistentHash struct {
	owners    []*node
	calls     *keyedCalls
	shares    float64 // sum over the main group; a node of mean weight has one share
	minRecent float64 // recent calls, below which there is no bound for them
	groups    map[*node]*group
}

// The bounds of a node's load, in fair shares.
const (
	maxSharesInFlight = 1.25
	maxSharesRecent   = 1.2 // lower, since an observer may count over another period
	// Below so many recent calls, and so many for each node, there is no bound for
	// them: they may be of a few keys only, and should reach their node.
	minRecent, minRecentEach = 1000, 20
)

func newConsistentHash(rt *routing, owners []*node, calls *keyedCalls) *consistentHash {
	h := &consistentHash{
		owners: owners, calls: calls, groups: map[*node]*group{},
		minRecent: max(minRecent, minRecentEach*float64(len(rt.nodes))),
	}
	for _, n := range rt.main.nodes {
		h.shares += 1 / n.inverseWeight.Load()
	}
	for _, g := range rt.groups() {
		for _, n := range g.nodes {
			h.groups[n] = g
		}
	}
	return h
}

// maxOwners is how many nodes of a key are tried in order, before two are drawn.
const maxOwners = 32

// choose returns the owner of the key, or the next node of the key that may serve it.
func (h *consistentHash) choose(c choice, g *group) *node {
	if c.key == "" {
		return c.drawOther(g, g.draw(c.rng.Uint64()), nil)
	}
	key := hashOf(c.key)
	at := key
	for range maxOwners {
		n := h.owners[at%buckets]
		if h.groups[n] == g && !c.isTried(n) && c.hasGrownTo(n, key) && !h.exceedsBound(n) {
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

// hasGrownTo says that a node serves this key; a slow-starting one does not serve all of
// its keys yet.
func (c *choice) hasGrownTo(n *node, key uint64) bool {
	return c.growth.until == 0 || float64(key>>11)/(1<<53) < c.growth.share(n, c.now)
}

// owner returns the first node of a key within its bound, where all nodes may be chosen;
// nil if none of the first ones is.
func (h *consistentHash) owner(key string) *node {
	at := hashOf(key)
	for range maxOwners {
		if n := h.owners[at%buckets]; !h.exceedsBound(n) {
			return n
		}
		at = scramble(at + golden)
	}
	return nil
}

// exceedsBound says that one more call would exceed the node's bound in flight, or of
// recent calls.
func (h *consistentHash) exceedsBound(n *node) bool {
	perShare := n.inverseWeight.Load() * h.shares
	all := h.calls.traffic.Load()
	maxInFlight := math.Ceil(maxSharesInFlight * float64(uint32(all)+1) / perShare)
	if own := n.inFlight(); own > 0 && float64(own+1) > maxInFlight {
		return true
	}
	recent := float64(callsStarted(all) - h.calls.base.Load())
	if recent < h.minRecent {
		return false
	}
	own := float64(callsStarted(n.traffic.Load()) - n.callsBase.Load() + 1)
	return own*perShare > maxSharesRecent*(recent+1)
}

// keyedCalls counts the calls of a pool under consistent hash. Recent calls are those above
// the base, of the pool and of each node.
type keyedCalls struct {
	traffic     atomic.Uint64 // laid out like stats.traffic
	base        atomic.Uint32
	sampling    sampling
	lastHalving time.Duration
}

// start counts a call, and says whether it is timed.
func (k *keyedCalls) start() (timed bool) { return k.sampling.times(started(k.traffic.Add(1))) }

// started is how many calls a traffic has seen.
func started(traffic uint64) uint64 { return traffic>>32 + uint64(uint32(traffic)) }

// sweep halves the recent calls every few seconds.
func (k *keyedCalls) sweep(nodes []*node, now time.Duration) {
	const interval = 5 * time.Second
	k.sampling.restart(started(k.traffic.Load()))
	if now-k.lastHalving <= interval {
		return
	}
	k.lastHalving = now
	half := func(calls, base uint32) uint32 { return base + (calls-base)/2 }
	k.base.Store(half(callsStarted(k.traffic.Load()), k.base.Load()))
	for _, n := range nodes {
		n.callsBase.Store(half(callsStarted(n.traffic.Load()), n.callsBase.Load()))
	}
}

// reset starts to count recent calls at zero, and times the next ones.
func (k *keyedCalls) reset(nodes []*node) {
	k.sampling.restart(started(k.traffic.Load()))
	k.base.Store(callsStarted(k.traffic.Load()))
	for _, n := range nodes {
		n.callsBase.Store(callsStarted(n.traffic.Load()))
	}
}
