package loadbalance

import (
	"slices"
	"time"
)

// choice is one pick.
type choice struct {
	pool  *Pool
	view  *view
	now   time.Duration
	tried []string
	warm  bool // someone has not its whole share yet
}

// node is one that is used and has not been tried; else one that is not used;
// else any that is.
func (c *choice) node(key string) *node {
	v := c.view
	first, second := v.main, v.spill
	if second != nil && c.overloaded() {
		first, second = second, first
	}
	if n := c.among(first, key); n != nil {
		return n
	}
	for _, g := range []*group{second, v.out} {
		if g != nil {
			if n := c.among(g, key); n != nil {
				return n
			}
		}
	}
	c.tried = nil
	return c.among(first, key)
}

// among is a node of the group, nil when all of them were tried.
func (c *choice) among(g *group, key string) *node {
	switch c.view.kind {
	case roundRobin:
		for range 2 * len(g.nodes) {
			if n := g.turn(c.pool.turn.Add(1) - 1); c.fits(n) {
				return n
			}
		}
	case consistentHash:
		if key != "" {
			return c.byHash(g, key)
		}
	case leastRequest:
		a, b := c.two(g)
		if a != b && b.load(c.now) < a.load(c.now) {
			return b
		}
		return a
	case peakEWMA:
		a, b := c.two(g)
		if a == b {
			return a
		}
		return c.view.cheaper(a, b, c.now)
	}
	return c.other(g, g.draw(c.pool.dice.Uint64()), nil)
}

// cheaper is that of two nodes where a call is expected to take less. Where only
// one has failed its last call, that is taken to cost a failure beside what the
// other takes now, less and less while nothing is heard of it: by what the others
// took when it failed it might be the cheaper one again at once.
func (v *view) cheaper(a, b *node, now time.Duration) *node {
	failsA, failsB := a.streak.Load() != 0, b.streak.Load() != 0
	if failsA && !failsB {
		a, b, failsA, failsB = b, a, failsB, failsA
	}
	waitA, loadA := v.cost(a, now)
	waitB, loadB := v.cost(b, now)
	if failsB && !failsA {
		waitB = max(waitB, failureCost*waitA*fade(float64(int64(now)-b.record.at.Load())*v.perDecay))
	}
	if waitB*(loadB+1) < waitA*(loadA+1) {
		return b
	}
	return a
}

// cost is what a call that is alone at a node is expected to take there, in ns, and
// how many are there for its share.
func (v *view) cost(n *node, now time.Duration) (wait, load float64) {
	_, wait = n.record.latencies()
	if wait == 0 {
		wait = n.pool.learned.usual.get()
	}
	at := n.record.at.Load()
	wait *= fade(float64(int64(now)-at) * v.perDecay)
	load = n.lingers.load(now)
	if flying := n.inFlight(); flying > 0 { // whoever lets calls hang looks worse and worse
		if silent := float64(int64(now) - max(at, n.busy.Load())); silent > wait {
			wait = silent
		}
		load += float64(flying)
	}
	if wait < 1 {
		wait = 1
	}
	return wait, load * n.perShare.get()
}

// two are different nodes drawn by weight, twice the same when there is but one
// that fits, and nil when there is none.
func (c *choice) two(g *group) (a, b *node) {
	a, b = g.two(c.pool.dice.Uint64())
	if !c.warm && len(c.tried) == 0 {
		return a, b
	}
	if a = c.other(g, a, nil); a == nil {
		return nil, nil
	}
	if b = c.second(g, b, a); b == nil {
		b = a
	}
	return a, b
}

// second is n, or another node by draw, to compare a with; nil when there is none.
// One that has not its whole share yet, and so mostly no call in flight, is drawn by
// what it has, and once: the better of the two it would be each time.
func (c *choice) second(g *group, n, a *node) *node {
	spared := false
	for range draws {
		if n != a && !c.isTried(n) && !(spared && c.spares(n)) {
			if c.fits(n) {
				return n
			}
			spared = true
		}
		n = g.draw(c.pool.dice.Uint64())
	}
	if n = c.left(g, a); n == nil || c.spares(n) || !rivals(a, n) {
		return nil
	}
	return n
}

// draws are so many as find a node that fits where most do.
const draws = 4

// other is n if it fits, else another node that does and is not not; nil when
// there is none.
func (c *choice) other(g *group, n, not *node) *node {
	if n = c.drawn(g, n, not); n == nil {
		n = c.left(g, not)
	}
	return n
}

// drawn is n if it fits, else one of a few draws that does and is not not; nil when
// none of them does.
func (c *choice) drawn(g *group, n, not *node) *node {
	for range draws {
		if n != not && c.fits(n) {
			return n
		}
		n = g.draw(c.pool.dice.Uint64())
	}
	return nil
}

// left is a node by weight of those that were not tried and are not not; nil when
// there is none.
func (c *choice) left(g *group, not *node) (last *node) {
	all := 0.0
	for _, n := range g.nodes {
		if n != not && !c.isTried(n) {
			all += 1 / n.perShare.get()
		}
	}
	at := all * c.pool.dice.Float64()
	for _, n := range g.nodes {
		if n == not || c.isTried(n) {
			continue
		}
		last = n
		if at -= 1 / n.perShare.get(); at < 0 {
			break
		}
	}
	return last
}

// fits says that the call has not tried the node and, where it came lately, that
// its share has grown so far.
func (c *choice) fits(n *node) bool {
	return !c.isTried(n) && (!c.spares(n) || c.pool.dice.Float64() < c.grown(n))
}

// spares says that a node has not its whole share yet.
func (c *choice) spares(n *node) bool { return c.warm && c.grown(n) < 1 }

func (c *choice) isTried(n *node) bool {
	return len(c.tried) > 0 && slices.Contains(c.tried, n.id())
}

// grown is how much of its share a node has.
func (c *choice) grown(n *node) float64 {
	if !n.came {
		return 1
	}
	const first = 0.1
	return max(float64(c.now-n.addedAt)/float64(c.view.policy.SlowStart.Window), first)
}

// overloaded says that the nodes of the caller's own zone have clearly more
// calls in flight than the others.
func (c *choice) overloaded() bool {
	const factor, slack = 1.5, 2
	lower := func(g *group) float64 {
		a, b := g.two(c.pool.dice.Uint64())
		return min(a.load(c.now), b.load(c.now))
	}
	return lower(c.view.main) > factor*lower(c.view.spill)+slack
}
