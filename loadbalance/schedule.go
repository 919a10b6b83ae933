package loadbalance

import "math"

// maxRoundLength is how many picks a round has at most, beyond one for each node. Weights
// that need more are rounded.
const maxRoundLength = 1 << 14

// scheduleOrder is the order of the picks of a round, as node indices. A node has its k-th
// pick at (k+φ) ÷ weight, which spreads its picks evenly over the round; φ interleaves
// nodes of equal weight.
func scheduleOrder(nodes []*node) []int32 {
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

func (h dues) before(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].node < h[j].node
}

func (h *dues) push(d due) {
	*h = append(*h, d)
	for i := len(*h) - 1; i > 0 && h.before(i, (i-1)/2); i = (i - 1) / 2 {
		(*h)[i], (*h)[(i-1)/2] = (*h)[(i-1)/2], (*h)[i]
	}
}

// down restores the heap after a change of the top.
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
