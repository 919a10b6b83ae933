package loadbalance

// leastRequest is the algorithm [LeastRequest].
type leastRequest struct{}

func (*leastRequest) choose(c choice, g *group) *node {
	a, b := c.drawTwo(g)
	if a != b && b.load(c.now) < a.load(c.now) {
		return b
	}
	return a
}
