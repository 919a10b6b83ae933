package loadbalance

import (
	"math"
	"math/bits"
)

// buckets are so many that each of a thousand nodes has some, and one of fifty
// its share to within a few percent. It is the same in all processes.
const buckets = 1 << 14

// table is who owns each bucket of keys: the node that wins its bucket by
// weighted rendezvous (Schindelhauer and Schomaker, 2005), whatever the order in
// which they came. owner does not change once it is published.
type table struct {
	owner []*node
	score []float64 // of the owner, in (0, 1)
	round uint64    // of updates; that of a node is the last that it was in
}

// clear forgets who owns what.
func (t *table) clear() { *t = table{round: t.round + 1} }

// update makes the table that of nodes, of which some have another weight, and
// changes only what it must.
func (t *table) update(nodes []*node, changed map[*node]bool) {
	before := t.owner
	t.owner = make([]*node, buckets)
	if t.score == nil {
		t.score = make([]float64, buckets)
	}
	copy(t.owner, before)
	t.round++
	var added []*node
	for _, n := range nodes {
		if n.round != t.round-1 || changed[n] {
			added = append(added, n)
		} else {
			n.round = t.round
		}
	}
	for b, n := range t.owner {
		if n != nil && n.round == t.round { // stays
			t.compete(b, added)
			continue
		}
		t.owner[b] = nil
		t.compete(b, nodes)
	}
	for _, n := range added {
		n.round = t.round
	}
}

func (t *table) compete(b int, nodes []*node) {
	for _, n := range nodes {
		score := rendezvous(n.hash, b)
		if best := t.owner[b]; best == nil || wins(n, score, best, t.score[b]) {
			t.owner[b], t.score[b] = n, score
		}
	}
}

func wins(a *node, scoreA float64, b *node, scoreB float64) bool {
	if a.weight != b.weight {
		scoreA, scoreB = math.Log(scoreA)/a.weight, math.Log(scoreB)/b.weight
	}
	return scoreA > scoreB || scoreA == scoreB && a.id() < b.id()
}

// rendezvous is what a node of this hash has drawn for a bucket, in (0, 1).
func rendezvous(hash uint64, bucket int) float64 {
	return (float64(scramble(hash^uint64(bucket+1)*0x9E3779B97F4A7C15)>>12) + 0.5) / (1 << 52)
}

// hashOf is a number for a key that is the same everywhere and at all times.
func hashOf(key string) uint64 {
	h := uint64(len(key)) ^ 0x9AE16A3B2F90404F
	for ; len(key) >= 8; key = key[8:] {
		h = fold(h ^ word(key))
	}
	if len(key) > 0 {
		var last uint64
		for i := range len(key) {
			last |= uint64(key[i]) << (8 * i)
		}
		h = fold(h ^ last)
	}
	return scramble(h)
}

func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// fold multiplies with an odd constant and lets both halves of the product count.
func fold(h uint64) uint64 {
	high, low := bits.Mul64(h, 0x9E3779B97F4A7C15)
	return high ^ low
}

// scramble lets every bit of h count in every bit.
func scramble(h uint64) uint64 {
	h = (h ^ h>>32) * 0xD6E8FEB86659FD93
	h = (h ^ h>>32) * 0xD6E8FEB86659FD93
	return h ^ h>>32
}
