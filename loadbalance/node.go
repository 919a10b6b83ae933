package loadbalance

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/registry"
)

// node is what is known of one instance.
type node struct {
	instance     atomic.Pointer[registry.Instance]
	weight       atomic.Uint64 // bits of a float64
	inFlight     atomic.Int64
	latency      atomic.Uint64 // bits of a float64, in ns; 0 is not known
	observedAt   atomic.Int64
	failures     atomic.Int32 // in a row
	ejectedUntil atomic.Int64
	ejections    int // guarded by Pool.mu
}

func (n *node) id() string       { return n.instance.Load().ID }
func (n *node) weighs() float64  { return math.Float64frombits(n.weight.Load()) }
func (n *node) average() float64 { return math.Float64frombits(n.latency.Load()) }

// load is the calls in flight, with the one to come, for the node's weight.
func (n *node) load() float64 { return float64(n.inFlight.Load()+1) / n.weighs() }

// cost is what a call to the node will take.
func (n *node) cost() float64 { return n.load() * max(n.average(), 1) }

// out says that the node is ejected.
func (n *node) out(now int64) bool { return n.ejectedUntil.Load() > now }

// observe moves the latency average: at once up to a peak, and slowly down.
// An observation that races with another may be lost, which an average stands.
func (n *node) observe(now time.Time, took float64, decay time.Duration) {
	at := now.UnixNano()
	before := n.average()
	since := max(at-n.observedAt.Swap(at), 0)
	after := took
	if before > 0 && took < before {
		keep := math.Exp(-float64(since) / float64(decay))
		after = before*keep + took*(1-keep)
	}
	n.latency.Store(math.Float64bits(after))
}

func find(nodes []*node, id string) *node {
	for _, n := range nodes {
		if n.id() == id {
			return n
		}
	}
	return nil
}

// averageLatency is the mean over the nodes of which it is known.
func averageLatency(nodes []*node) float64 {
	sum, known := 0.0, 0
	for _, n := range nodes {
		if l := n.average(); l > 0 {
			sum += l
			known++
		}
	}
	if known == 0 {
		return 0
	}
	return sum / float64(known)
}
