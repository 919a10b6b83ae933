package loadbalance

import "math"

// maxRound is how many turns a round has at most, more than one for each node;
// where the weights need more they are rounded.
const maxRound = 1 << 14

// rounds is the order of the turns, as indices of the nodes: each node has its
// k-th turn when (k+φ) ÷ weight says so, which spreads the turns of each evenly
// over the round; φ spreads those that weigh the same over each other's gaps.
func rounds(nodes []*node) []int32 {
	counts := turnsOf(nodes)
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
		h.push(due{at: phase / float64(c), node: int32(i)})
	}
	order := make([]int32, total)
	for t := range order {
		first := &h[0]
		order[t] = first.node
		first.at += 1 / float64(counts[first.node])
		h.down()
	}
	return order
}

// turnsOf is how many turns of a round each node has: the weights in lowest
// terms, in thousandths where they are no whole numbers.
func turnsOf(nodes []*node) []int {
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
	most := maxRound + len(nodes)
	for i := range counts {
		counts[i] /= divisor
	}
	if total /= divisor; total > most {
		for i := range counts {
			counts[i] = max(int(math.Round(float64(counts[i])*maxRound/float64(total))), 1)
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

// due is when a node has its next turn.
type due struct {
	at   float64
	node int32
}

// dues is a heap of them, the first to come on top.
type dues []due

func (h dues) before(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].node < h[j].node
}

func (h *dues) push(d due) {
	*h = append(*h, d)
	for i := len(*h) - 1; i > 0 && h.before(i, (i-1)/2); i = (i - 1) / 2 {
		(*h)[i], (*h)[(i-1)/2] = (*h)[(i-1)/2], (*h)[i]
	}
}

// down puts the one on top where it belongs.
func (h dues) down() {
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(h); c++ {
			if h.before(c, least) {
				least = c
			}
		}
		if least == i {
			return
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}
