package loadbalance

import (
	"math/bits"
	"slices"
)

// group is a fixed set of nodes that share calls by weight.
type group struct {
	nodes []*node
	alias []alias // nil if all weights are equal
}

// alias is one column of Vose's alias table (1991): below the limit it stands for its own
// node, above it for another.
type alias struct {
	limit uint32
	other int32
}

func newGroup(nodes []*node) *group {
	g := &group{nodes: nodes}
	if slices.ContainsFunc(nodes, func(n *node) bool { return n.weight != nodes[0].weight }) {
		g.alias = aliases(nodes)
	}
	return g
}

// aliases returns the alias table of the nodes.
func aliases(nodes []*node) []alias {
	total := 0.0
	for _, n := range nodes {
		total += n.weight
	}
	table := make([]alias, len(nodes))
	rest := make([]float64, len(nodes))
	var below, above []int32
	for i, n := range nodes {
		rest[i] = n.weight / total * float64(len(nodes))
		table[i] = alias{limit: 1<<32 - 1, other: int32(i)}
		if rest[i] < 1 {
			below = append(below, int32(i))
		} else {
			above = append(above, int32(i))
		}
	}
	for len(below) > 0 && len(above) > 0 {
		small, large := below[len(below)-1], above[len(above)-1]
		below = below[:len(below)-1]
		table[small] = alias{limit: uint32(rest[small] * (1<<32 - 1)), other: large}
		if rest[large] -= 1 - rest[small]; rest[large] < 1 {
			above = above[:len(above)-1]
			below = append(below, large)
		}
	}
	return table
}

// draw returns a node by weight, for random bits.
func (g *group) draw(random uint64) *node { return g.nodes[g.index(random)] }

func (g *group) index(random uint64) int {
	i, fraction := bits.Mul64(random, uint64(len(g.nodes)))
	if g.alias == nil {
		return int(i)
	}
	if a := &g.alias[i]; uint32(fraction>>32) > a.limit {
		return int(a.other)
	}
	return int(i)
}

// drawTwo returns different nodes by weight. They are the same if there is only one node,
// or if a second draw gives no other and the next node weighs far less.
func (g *group) drawTwo(random uint64) (a, b *node) {
	n := uint64(len(g.nodes))
	if g.alias == nil {
		i, j := random>>32*n>>32, random&(1<<32-1)*(n-1)>>32
		if j >= i && n > 1 {
			j++
		}
		return g.nodes[i], g.nodes[j]
	}
	other := scramble(random)
	i, j := g.index(random), g.index(other)
	if i == j { // draw again, then use the next node
		if j = g.index(scramble(other)); i == j && n > 1 {
			if next := (i + 1) % int(n); comparableWeight(g.nodes[i], g.nodes[next]) {
				j = next
			}
		}
	}
	return g.nodes[i], g.nodes[j]
}

// comparableWeight says that b weighs enough to be compared with a whenever a is drawn
// first. A node that weighs far less mostly has no call in flight, and would be the
// better one each time.
func comparableWeight(a, b *node) bool {
	const farLess = 4
	return b.inverseWeight.Load() <= farLess*a.inverseWeight.Load()
}
