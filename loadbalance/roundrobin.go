package loadbalance

import (
	"container/heap"
	"math"
	"sync/atomic"

	"github.com/sinew-go/sinew/registry"
)

// roundRobin is the algorithm [RoundRobin].
type roundRobin struct {
	position *atomic.Uint64
	orders   map[*group][]int32 // of one round, as node indices; none if each node is in it once
}

func newRoundRobin(groups []*group, position *atomic.Uint64) *roundRobin {
	r := &roundRobin{position: position, orders: map[*group][]int32{}}
	for _, g := range groups {
		if g.alias != nil {
			r.orders[g] = roundOf(g.nodes)
		}
	}
	return r
}

func (r *roundRobin) choose(c choice, g *group) *node {
	for range 2 * len(g.nodes) {
		if n := r.at(r.position.Add(1)-1, g); c.accepts(n) {
			return n
		}
	}
	return c.drawOther(g, g.draw(c.rng.Uint64()), nil)
}

// at returns the node at a position.
func (r *roundRobin) at(position uint64, g *group) *node {
	if order := r.orders[g]; order != nil {
		return g.nodes[order[position%uint64(len(order))]]
	}
	return g.nodes[position%uint64(len(g.nodes))]
}

// schedule is one round of a group, for picks that need nothing but the position.
type schedule []scheduledPick

// scheduledPick has the instance beside the node, so that a pick need not read the node.
type scheduledPick struct {
	node     *node
	instance *registry.Instance
}

func (r *roundRobin) schedule(g *group) schedule {
	s := make(schedule, max(len(g.nodes), len(r.orders[g])))
	for position := range s {
		n := r.at(uint64(position), g)
		s[position] = scheduledPick{n, n.instance.Load()}
	}
	return s
}

// at returns the pick of a position. A 32-bit division takes half the time of a 64-bit one.
func (s schedule) at(position uint64) *scheduledPick { return &s[uint32(position)%uint32(len(s))] }

// maxRoundLength is how many picks a round has at most, beyond one for each node. Weights
// that need more are rounded.
const maxRoundLength = 1 << 14

// roundOf is the order of the picks of a round, as node indices. A node has its k-th
// pick at (k+φ) ÷ weight, which spreads its picks evenly over the round; φ interleaves
// nodes of equal weight.
func roundOf(nodes []*node) []int32 {
	counts := picksPerRound(nodes)
	total := 0
	alike, before := map[int]int{}, map[int]int{}
	for _, c := range counts {
		total += c
		alike[c]++
	}
	h := make(dues, 0, len(nodes))
	for i, c := range counts {
		phase := (float64(before[c]) + 0.5) / float64(alike[c])
		before[c]++
		h = append(h, due{at: phase / float64(c), node: int32(i)})
	}
	heap.Init(&h)
	order := make([]int32, total)
	for t := range order {
		first := &h[0]
		order[t] = first.node
		first.at += 1 / float64(counts[first.node])
		heap.Fix(&h, 0)
	}
	return order
}

// picksPerRound is how many picks of a round each node has: the weights in lowest terms,
// in thousandths if they are not whole numbers.
func picksPerRound(nodes []*node) []int {
	scale := 1.0
	for _, n := range nodes {
		if n.weight != math.Trunc(n.weight) {
			scale = 1000
		}
	}
	counts := make([]int, len(nodes))
	total, divisor := 0, 0
	for i, n := range nodes {
		counts[i] = max(int(math.Round(n.weight*scale)), 1)
		total += counts[i]
		divisor = gcd(counts[i], divisor)
	}
	most := maxRoundLength + len(nodes)
	for i := range counts {
		counts[i] /= divisor
	}
	if total /= divisor; total > most {
		for i := range counts {
			counts[i] = max(int(math.Round(float64(counts[i])*maxRoundLength/float64(total))), 1)
		}
	}
	return counts
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// due is when a node has its next pick.
type due struct {
	at   float64
	node int32
}

// dues is a heap with the earliest on top.
type dues []due

func (h dues) Len() int { return len(h) }

func (h dues) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].node < h[j].node
}

func (h dues) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

func (h *dues) Push(d any) { *h = append(*h, d.(due)) }

func (h *dues) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
