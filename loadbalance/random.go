package loadbalance

// random is the algorithm [Random].
type random struct{}

func (*random) choose(c choice, g *group) *node {
	return c.drawOther(g, g.draw(c.rng.Uint64()), nil)
}
