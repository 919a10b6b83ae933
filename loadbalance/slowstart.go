package loadbalance

import "time"

// growth is the slow start of the nodes of a routing. The zero growth is over.
type growth struct {
	window time.Duration
	until  time.Duration // when the last node has its whole share
}

// growing returns the growth of nodes. It is over if most of them are new, since the few
// others would be overloaded meanwhile.
func growing(nodes []*node, now time.Duration, s SlowStart) growth {
	if s.Disabled {
		return growth{}
	}
	g, starting := growth{window: s.Window}, 0
	for _, n := range nodes {
		if end := n.addedAt + s.Window; n.slowStarting && end > now {
			starting++
			g.until = max(g.until, end)
		}
	}
	if 2*starting > len(nodes) {
		return growth{}
	}
	return g
}

// isOver says that all nodes have their whole share.
func (g growth) isOver(now time.Duration) bool { return g.until <= now }

// share is the part that a node has of its share; 1 if it is not new.
func (g growth) share(n *node, now time.Duration) float64 {
	const initial = 0.1
	if !n.slowStarting {
		return 1
	}
	return max(float64(now-n.addedAt)/float64(g.window), initial)
}
