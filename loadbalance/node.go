package loadbalance

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/registry"
)

// node is what is known of one instance. Times are since its pool began. What
// calls read and write comes first, in a cache line of its own.
type node struct {
	instance atomic.Pointer[registry.Instance]
	traffic  atomic.Uint64 // calls in flight in the lower half, answered ones in the upper
	record   record
	busy     atomic.Int64 // when it began to have calls in flight
	perShare float        // 1 ÷ its weight, in mean weights of the pool
	lingers  linger
	streak   atomic.Int32 // failures in a row
	standing atomic.Int32 // a standing

	pool    *Pool
	came    bool // to others, and its share grows from addedAt on
	addedAt time.Duration
	hash    uint64 // of its id
	failed  atomic.Uint32
	slow    atomic.Uint32 // answers that took far longer than the others do
	void    atomic.Uint32 // answers that say nothing of its health
	shut    atomic.Bool   // the view of now does not use it
	until   atomic.Int64  // the end of its ejection
	inSince atomic.Int64  // calls from before say nothing
	heard   atomic.Int64  // when it last answered, a tick early at most
	unheard atomic.Int32  // calls that ran out of time since

	// Guarded by Pool.mu.
	weight    float64
	round     uint64 // see table
	ejections int
	gone      bool // it is out and answers nothing, while others do
	goneSince time.Duration
	refuses   bool // connections, and is gone for that
	probation probation
	recent    recent
	base      atomic.Uint32 // what its calls are counted from, see [Pool.crowded]
}

// standing is whether a node is used.
type standing = int32

const (
	in      standing = iota
	ejected          // for failing, and when that is over in probation
	slowed           // in probation for being slow
)

const answered = 1<<32 - 1 // one call in flight less, one answered more

func (n *node) id() string { return n.instance.Load().ID }

func (n *node) inFlight() int { return int(uint32(n.traffic.Load())) }

// calls are all that it was ever given, modulo 2^32.
func (n *node) calls() uint32 {
	t := n.traffic.Load()
	return uint32(t>>32) + uint32(t)
}

// begin counts a call in flight.
func (n *node) begin(now time.Duration) {
	if uint32(n.traffic.Add(1)) == 1 && int64(now)-n.busy.Load() > tick {
		n.busy.Store(int64(now))
	}
}

// load is the calls in flight, and those that count as such, for the node's
// share.
func (n *node) load(now time.Duration) float64 {
	return (float64(n.inFlight()) + n.lingers.load(now)) * n.perShare.get()
}

// isEjected says that the node is out for failing, and its time not yet over.
func (n *node) isEjected(now time.Duration) bool {
	return n.standing.Load() == ejected && n.until.Load() > int64(now)
}

// hear takes in that something was heard of the node.
func (n *node) hear(now time.Duration) {
	n.heard.Store(int64(now))
	if n.unheard.Load() != 0 {
		n.unheard.Store(0)
	}
}

// expected is what a call to the node may take, 0 when not known. It sinks while
// nothing is heard, else one slow call would keep all others away.
func (n *node) expected(now time.Duration, perDecay float64) float64 {
	_, peak := n.record.latencies()
	return peak * fade(float64(int64(now)-n.record.at.Load())*perDecay)
}

// silence is for how long a node with calls in flight has answered none.
func (n *node) silence(now time.Duration) float64 {
	if n.inFlight() == 0 {
		return 0
	}
	return float64(int64(now) - max(n.busy.Load(), n.record.at.Load()))
}

// record is what calls to a node take. An observation that races with another
// may be lost, which an average stands.
type record struct {
	pair atomic.Uint64 // usual and peak, as float32
	at   atomic.Int64  // when the last was noted
}

// tick is how old the record must be at least to note another usual latency, in
// ns: many calls a millisecond need not write it all.
const tick = int64(500 * time.Microsecond)

// latencies are the mean latency of successes, and what the next call may take,
// in ns; 0 where not known.
func (r *record) latencies() (usual, peak float64) {
	p := r.pair.Load()
	return float64(math.Float32frombits(uint32(p >> 32))), float64(math.Float32frombits(uint32(p)))
}

func (r *record) set(usual, peak float64) {
	r.pair.Store(uint64(math.Float32bits(float32(usual)))<<32 | uint64(math.Float32bits(float32(peak))))
}

func (r *record) usual() float64 {
	usual, _ := r.latencies()
	return usual
}

// succeeded notes how long a success took. The peak goes up at once, and both
// go down slowly.
func (r *record) succeeded(b *Pool, now time.Duration, took float64) {
	usual, peak := r.latencies()
	since := int64(now) - r.at.Load()
	if since < tick && took <= peak && usual > 0 {
		return
	}
	keep := fade(float64(since) * b.view.Load().perDecay)
	if usual == 0 {
		usual = took
		if b.learned.usual.get() == 0 {
			b.learned.usual.set(took)
		}
	}
	if peak == 0 {
		peak = took
	}
	r.set(usual*keep+took*(1-keep), max(peak*keep+took*(1-keep), took))
	r.at.Store(int64(now))
}

// charged notes a call that did not succeed as one that cost so much.
func (r *record) charged(now time.Duration, charge float64) {
	r.set(r.usual(), charge)
	r.at.Store(int64(now))
}

// fade is close to e^-x, and sooner.
func fade(x float64) float64 {
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
