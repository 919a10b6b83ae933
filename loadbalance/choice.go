package loadbalance

import (
	"slices"
	"time"

	"github.com/sinew-go/sinew/internal/rng"
)

// choice is the state of one pick.
type choice struct {
	rng    *rng.Source
	now    time.Duration
	tried  []string
	key    string // for consistent hash
	growth growth
}

// drawTwo draws two nodes by weight. They are the same if only one is accepted, and nil
// if none is.
func (c *choice) drawTwo(g *group) (a, b *node) {
	a, b = g.drawTwo(c.rng.Uint64())
	if c.growth.until == 0 && len(c.tried) == 0 {
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
		n = g.draw(c.rng.Uint64())
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
		n = g.draw(c.rng.Uint64())
	}
	return nil
}

// anyUntried draws by weight from the nodes that were not tried and are not except; nil if
// there is none.
func (c *choice) anyUntried(g *group, except *node) (last *node) {
	all := 0.0
	for _, n := range g.nodes {
		if n != except && !c.isTried(n) {
			all += 1 / n.inverseWeight.Load()
		}
	}
	at := all * c.rng.Float64()
	for _, n := range g.nodes {
		if n == except || c.isTried(n) {
			continue
		}
		last = n
		if at -= 1 / n.inverseWeight.Load(); at < 0 {
			break
		}
	}
	return last
}

// accepts says that the call has not tried the node. A slow-starting node is accepted
// with the probability of its grown share.
func (c *choice) accepts(n *node) bool {
	return !c.isTried(n) && (!c.isSlowStarting(n) || c.rng.Float64() < c.growth.share(n, c.now))
}

func (c *choice) isSlowStarting(n *node) bool { return c.grownShare(n) < 1 }

func (c *choice) isTried(n *node) bool {
	return len(c.tried) > 0 && slices.Contains(c.tried, n.id())
}

// grownShare is the part that a node has of its share: 1 but for a new one.
func (c *choice) grownShare(n *node) float64 {
	if c.growth.until == 0 {
		return 1
	}
	return c.growth.share(n, c.now)
}
