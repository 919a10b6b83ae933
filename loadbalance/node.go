package loadbalance

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/registry"
)

// node is what is known of one instance. Times are ns since its pool was created. The
// fields that each call reads and writes come first, in one cache line.
type node struct {
	instance      atomic.Pointer[registry.Instance]
	traffic       atomic.Uint64 // calls in flight in the lower half, ended ones in the upper
	latency       latencyStats
	busySince     atomic.Int64 // since when it has had calls in flight
	inverseWeight float        // mean weight of the pool ÷ its weight
	phantom       phantomLoad
	streak        atomic.Int32 // failures in a row
	health        atomic.Int32 // a health

	pool         *Pool
	slowStarting bool // its share grows from addedAt on
	addedAt      time.Duration
	hash         uint64 // of its id
	failedCount  atomic.Uint32
	slowCount    atomic.Uint32 // answers much slower than those of the others
	neutralCount atomic.Uint32 // calls that show nothing of its health
	excluded     atomic.Bool   // the current routing does not use it
	ejectedUntil atomic.Int64
	ignoreBefore atomic.Int64 // calls that started before do not count
	lastAnswer   atomic.Int64 // at most minUpdateGap early
	unanswered   atomic.Int32 // calls that ran out of time since

	// Guarded by Pool.mu.
	weight             float64
	tableGeneration    uint64 // see rendezvousTable
	ejections          int
	gone               bool // it is out and does not answer, while others do
	goneSince          time.Duration
	refusesConnections bool // it is gone, and refuses connections
	probes             probeState
	recent             recent
	callsBase          atomic.Uint32 // see [Pool.exceedsBound]
}

// health says whether a node is used.
type health = int32

const (
	healthy     health = iota
	ejected            // for failures; after that it gets probes
	onProbation        // for latency
)

const callAnswered = 1<<32 - 1 // added to traffic: one call in flight less, one ended more

func (n *node) id() string { return n.instance.Load().ID }

func (n *node) inFlight() int { return int(uint32(n.traffic.Load())) }

// totalCalls is modulo 2^32.
func (n *node) totalCalls() uint32 {
	t := n.traffic.Load()
	return uint32(t>>32) + uint32(t)
}

func (n *node) addInFlight(now time.Duration) {
	if uint32(n.traffic.Add(1)) == 1 && int64(now)-n.busySince.Load() > minUpdateGap {
		n.busySince.Store(int64(now))
	}
}

// load is the calls in flight, and the phantom load, relative to the node's share.
func (n *node) load(now time.Duration) float64 {
	return (float64(n.inFlight()) + n.phantom.load(now)) * n.inverseWeight.get()
}

// isEjected says that the node is ejected and its time is not over.
func (n *node) isEjected(now time.Duration) bool {
	return n.health.Load() == ejected && n.ejectedUntil.Load() > int64(now)
}

func (n *node) recordAnswer(now time.Duration) {
	n.lastAnswer.Store(int64(now))
	if n.unanswered.Load() != 0 {
		n.unanswered.Store(0)
	}
}

// expectedLatency is what a call to the node may take, in ns; 0 if not known. It fades
// while no call ends, or one slow call would exclude the node for good.
func (n *node) expectedLatency(now time.Duration, perDecay float64) float64 {
	_, peak := n.latency.meanAndPeak()
	return peak * expDecay(float64(int64(now)-n.latency.updatedAt.Load())*perDecay)
}

// silence is for how long a node with calls in flight has not answered, in ns.
func (n *node) silence(now time.Duration) float64 {
	if n.inFlight() == 0 {
		return 0
	}
	return float64(int64(now) - max(n.busySince.Load(), n.latency.updatedAt.Load()))
}

// latencyStats is how long calls to a node take. An observation that races with another
// may be lost.
type latencyStats struct {
	pair      atomic.Uint64 // mean and peak, as float32
	updatedAt atomic.Int64  // ns since the pool was created
}

// minUpdateGap is how old the latency must be before a success changes it, in ns: it saves
// writes at many calls a millisecond.
const minUpdateGap = int64(500 * time.Microsecond)

// meanAndPeak are the mean latency of successes and the expected latency of the next call,
// in ns; 0 if not known.
func (s *latencyStats) meanAndPeak() (mean, peak float64) {
	p := s.pair.Load()
	return float64(math.Float32frombits(uint32(p >> 32))), float64(math.Float32frombits(uint32(p)))
}

func (s *latencyStats) set(mean, peak float64) {
	s.pair.Store(uint64(math.Float32bits(float32(mean)))<<32 | uint64(math.Float32bits(float32(peak))))
}

func (s *latencyStats) mean() float64 {
	mean, _ := s.meanAndPeak()
	return mean
}

// addSuccess raises the peak at once; otherwise both move slowly.
func (s *latencyStats) addSuccess(b *Pool, now time.Duration, took float64) {
	mean, peak := s.meanAndPeak()
	since := int64(now) - s.updatedAt.Load()
	if since < minUpdateGap && took <= peak && mean > 0 {
		return
	}
	weight := expDecay(float64(since) * b.routing.Load().inverseDecay)
	if mean == 0 {
		mean = took
		if b.stats.meanLatency.get() == 0 {
			b.stats.meanLatency.set(took)
		}
	}
	if peak == 0 {
		peak = took
	}
	s.set(mean*weight+took*(1-weight), max(peak*weight+took*(1-weight), took))
	s.updatedAt.Store(int64(now))
}

// charge sets the peak to the cost of a call that did not succeed.
func (s *latencyStats) charge(now time.Duration, charge float64) {
	s.set(s.mean(), charge)
	s.updatedAt.Store(int64(now))
}

// expDecay approximates e^-x, and is faster.
func expDecay(x float64) float64 {
	if x < 1e-4 {
		if x < 0 {
			return 1
		}
		return 1 - x
	}
	x = 1 + x*0.25
	x *= x
	return 1 / (x * x)
}

// float is a float64 for concurrent use.
type float struct{ bits atomic.Uint64 }

func (f *float) get() float64  { return math.Float64frombits(f.bits.Load()) }
func (f *float) set(v float64) { f.bits.Store(math.Float64bits(v)) }
