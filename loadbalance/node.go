package loadbalance

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/registry"
)

// node is what is known of one instance. Times are since its pool began.
type node struct {
	instance     atomic.Pointer[registry.Instance]
	share        float // its weight, in mean weights of the pool
	inFlight     atomic.Int64
	lingers      linger
	usual        float // mean latency of its successes, in ns; 0 is not known
	peak         float // what its next call may take, in ns; 0 is not known
	observedAt   atomic.Int64
	failures     atomic.Int32 // in a row
	ejectedUntil atomic.Int64
	ejections    int // guarded by Pool.mu
}

func (n *node) id() string { return n.instance.Load().ID }

// load is the calls in flight, and those that count as such, for the node's
// share.
func (n *node) load(now time.Duration) float64 {
	return (float64(n.inFlight.Load()) + n.lingers.load(now)) / n.share.get()
}

// out says that the node is ejected.
func (n *node) out(now time.Duration) bool { return n.ejectedUntil.Load() > int64(now) }

// expected is what a call to the node may take, 0 when not known. It sinks
// while nothing is heard, else one slow call would keep all others away.
func (n *node) expected(now, decay time.Duration) float64 {
	peak := n.peak.get()
	if peak == 0 {
		return 0
	}
	return peak * n.memory(now, decay)
}

// memory is how much of the last observation still counts, from 1 down to 0.
func (n *node) memory(now, decay time.Duration) float64 {
	since := float64(max(int64(now)-n.observedAt.Load(), 0)) / float64(decay)
	if since < 1e-4 {
		return 1 - since // all but the same, and sooner
	}
	return math.Exp(-since)
}

// succeeded notes how long a success took. The peak goes up at once, and both
// go down slowly. An observation that races with another may be lost, which an
// average stands.
func (n *node) succeeded(now time.Duration, took float64, decay time.Duration) {
	keep := n.memory(now, decay)
	mean := func(before float64) float64 {
		if before == 0 {
			return took
		}
		return before*keep + took*(1-keep)
	}
	n.usual.set(mean(n.usual.get()))
	n.peak.set(max(mean(n.peak.get()), took))
	n.observedAt.Store(int64(now))
}

// charged notes a call that did not succeed as one that cost so much.
func (n *node) charged(now time.Duration, charge float64) {
	n.peak.set(charge)
	n.observedAt.Store(int64(now))
}

// float is a float64 for concurrent use.
type float struct{ bits atomic.Uint64 }

func (f *float) get() float64  { return math.Float64frombits(f.bits.Load()) }
func (f *float) set(v float64) { f.bits.Store(math.Float64bits(v)) }
