package loadbalance

import "math/bits"

// group is nodes among which calls are shared by weight. It does not change.
type group struct {
	nodes []*node
	alias []alias // nil when all weigh the same
	order []int32 // the turns of a whole round; nil when that is the nodes' own
}

// alias is one column of Vose's alias table (1991): below the limit it is the
// column's own node, else another.
type alias struct {
	limit uint32
	other int32
}

func newGroup(nodes []*node, turns bool) *group {
	g := &group{nodes: nodes}
	for _, n := range nodes {
		if n.weight != nodes[0].weight {
			g.alias = aliases(nodes)
			if turns {
				g.order = rounds(nodes)
			}
			break
		}
	}
	return g
}

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

// draw is a node by weight, for random bits.
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

// two are different nodes by weight. They are twice the same where there is only one,
// or where draws by weight give no other, and the next one weighs far less.
func (g *group) two(random uint64) (a, b *node) {
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
	if i == j { // once more, and then whoever is next
		if j = g.index(scramble(other)); i == j && n > 1 {
			if next := (i + 1) % int(n); rivals(g.nodes[i], g.nodes[next]) {
				j = next
			}
		}
	}
	return g.nodes[i], g.nodes[j]
}

// rivals says that b weighs enough to be the second choice of every call whose first
// is a. One that weighs far less, and so mostly has no call in flight, would be the
// better of the two each time.
func rivals(a, b *node) bool {
	const farLess = 4
	return b.perShare.get() <= farLess*a.perShare.get()
}

// turn is the node of a turn.
func (g *group) turn(t uint64) *node {
	if g.order == nil {
		return g.nodes[t%uint64(len(g.nodes))]
	}
	return g.nodes[g.order[t%uint64(len(g.order))]]
}

// seats are the turns of a whole round.
func (g *group) seats() []seat {
	seats := make([]seat, max(len(g.nodes), len(g.order)))
	for t := range seats {
		n := g.turn(uint64(t))
		seats[t] = seat{n, n.instance.Load()}
	}
	return seats
}
