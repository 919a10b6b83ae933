package loadbalance

import (
	"math"
	"math/bits"
)

// buckets is enough to give each of a thousand nodes some buckets, and each of fifty its
// share to within a few percent. It must be the same in all processes.
const buckets = 1 << 14

// rendezvousTable is the owner of each bucket of keys: the node that wins it by weighted
// rendezvous (Schindelhauer and Schomaker, 2005), whatever the order in which nodes were
// added. A published owners does not change.
type rendezvousTable struct {
	owners     []*node
	scores     []float64 // of the owner, in (0, 1)
	generation uint64    // of updates; a node has that of the last one with it
}

func (t *rendezvousTable) clear() { *t = rendezvousTable{generation: t.generation + 1} }

// update makes nodes the owners; changed are those with another weight. It changes only
// the buckets that it must.
func (t *rendezvousTable) update(nodes []*node, changed map[*node]bool) {
	before := t.owners
	t.owners = make([]*node, buckets)
	if t.scores == nil {
		t.scores = make([]float64, buckets)
	}
	copy(t.owners, before)
	t.generation++
	var added []*node
	for _, n := range nodes {
		if n.tableGeneration != t.generation-1 || changed[n] {
			added = append(added, n)
		} else {
			n.tableGeneration = t.generation
		}
	}
	for b, n := range t.owners {
		if n != nil && n.tableGeneration == t.generation { // the owner stays
			t.compete(b, added)
			continue
		}
		t.owners[b] = nil
		t.compete(b, nodes)
	}
	for _, n := range added {
		n.tableGeneration = t.generation
	}
}

func (t *rendezvousTable) compete(b int, nodes []*node) {
	for _, n := range nodes {
		score := rendezvous(n.hash, b)
		if best := t.owners[b]; best == nil || wins(n, score, best, t.scores[b]) {
			t.owners[b], t.scores[b] = n, score
		}
	}
}

func wins(a *node, scoreA float64, b *node, scoreB float64) bool {
	if a.weight != b.weight {
		scoreA, scoreB = math.Log(scoreA)/a.weight, math.Log(scoreB)/b.weight
	}
	return scoreA > scoreB || scoreA == scoreB && a.id() < b.id()
}

// rendezvous is the score of a node of this hash for a bucket, in (0, 1).
func rendezvous(hash uint64, bucket int) float64 {
	return (float64(scramble(hash^uint64(bucket+1)*0x9E3779B97F4A7C15)>>12) + 0.5) / (1 << 52)
}

// hashOf must give the same number in every process and version.
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

// fold mixes both halves of a product with an odd constant.
func fold(h uint64) uint64 {
	high, low := bits.Mul64(h, 0x9E3779B97F4A7C15)
	return high ^ low
}

// scramble makes every bit of the result depend on every bit of h.
func scramble(h uint64) uint64 {
	h = (h ^ h>>32) * 0xD6E8FEB86659FD93
	h = (h ^ h>>32) * 0xD6E8FEB86659FD93
	return h ^ h>>32
}
