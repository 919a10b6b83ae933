package limit

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/endpoint"
)

// maxOperations are so many operations that a limiter tells apart: the rest are
// judged as one.
const maxOperations = 200

// operation is what a limiter knows of one operation. A call is compared with
// others of its own operation only.
type operation struct {
	excepted  bool          // it is outside of the limit
	base      atomic.Uint64 // bits of how long a success takes when nothing is refused, ns; 0 not known
	swift     atomic.Uint64 // bits of how long it took in good times, ns: what base was at least, of late
	succeeded atomic.Int64  // timed successes
	spent     atomic.Int64  // on them, ns
	expired   atomic.Int64  // ran out of time
	served    atomic.Int64  // of both, were served all the same, if too late
	early     atomic.Int64  // the first successes
	earlier   atomic.Int64  // what was spent on them, ns
	earliest  atomic.Int64  // and on the very first of them
	lost      atomic.Uint64 // bits of the share of calls that run out of time in good times
	budgets   atomic.Int64  // for how long the callers of both waited at most, ns
	running   atomic.Int64  // timed calls under way that may be answered in time

	// Guarded by the control's lock.
	seen   learned    // up to the last window
	proven float64    // the base as it was when there was no doubt of it, ns
	recent float64    // how long a success took in the last window that had one, ns
	lately float64    // and in the mean of the last seconds, ns
	pace   float64    // successes in a ns, in the mean of the last second
	best   [2]float64 // its highest values in the last half of a minute, and in the one before
	turned int64      // when the last half of a minute began
}

// learned are an operation's counters at one moment.
type learned struct{ succeeded, spent, expired, served, budgets int64 }

func (o *operation) now() learned {
	return learned{o.succeeded.Load(), o.spent.Load(), o.expired.Load(), o.served.Load(), o.budgets.Load()}
}

// waits is how many calls of the operation are under way, how many of them can be
// answered in time at the pace of a window of this length, or at the best pace of late
// where that was higher, as what makes the service slow may pass, and how many there
// were at once in the last seconds.
func (o *operation) waits(length int64) (running, served, lately float64) {
	at := o.now()
	n := at.served - o.seen.served
	if n == 0 {
		return 0, 0, 0
	}
	budget := float64(at.budgets-o.seen.budgets) / float64(at.succeeded-o.seen.succeeded+at.expired-o.seen.expired)
	pace := max(float64(n)/float64(length), recovers*max(o.best[0], o.best[1]))
	return float64(o.running.Load()), budget * pace, o.lately * pace
}

func (o *operation) usual() float64 { return math.Float64frombits(o.base.Load()) }

func (o *operation) setUsual(ns float64) { o.base.Store(math.Float64bits(ns)) }

// hopeless says that a call could not be answered in its time, whatever the load,
// or that nobody knows.
func (o *operation) hopeless(budget int64) bool {
	best := o.atBest()
	return best == 0 || budget > 0 && float64(budget) < reach*best || math.Float64frombits(o.lost.Load()) > lostByNature
}

// atBest is how long a success takes in good times, ns.
func (o *operation) atBest() float64 { return math.Float64frombits(o.swift.Load()) }

// learn takes in a window of this length.
func (o *operation) learn(begun, now int64, doubtful bool) {
	o.miss(now-begun, doubtful)
	o.follow(begun, now, doubtful)
	base, swift := o.usual(), o.atBest()
	switch {
	case swift == 0 || base < swift:
		swift = base
	case !doubtful:
		swift = toward(swift, base, now-begun, 5*time.Minute, 0)
	}
	o.swift.Store(math.Float64bits(swift))
}

// miss takes in how many calls ran out of time: how many of the first ones, and then
// how many in a minute.
func (o *operation) miss(length int64, doubtful bool) {
	at := o.now()
	n, lost := at.succeeded-o.seen.succeeded, at.expired-o.seen.expired
	if n+lost == 0 {
		return
	}
	share, first := float64(lost)/float64(n+lost), o.seen.succeeded+o.seen.expired < newcomers
	before := math.Float64frombits(o.lost.Load())
	switch {
	case first:
		all := float64(at.succeeded + at.expired)
		share = before + (share-before)*float64(n+lost)/all
	case doubtful:
		return
	default:
		share = toward(before, share, length, time.Minute, time.Minute)
	}
	o.lost.Store(math.Float64bits(share))
}

// follow moves the base by what a window of this length has shown, faster down
// than up. What a success takes while calls are refused or late says nothing of
// the base unless it is less. The base does not rise far above what it was when
// last proven, so that it does not follow a queue that grows slowly.
func (o *operation) follow(begun, now int64, doubtful bool) {
	at := o.now()
	n, spent, expired := at.succeeded-o.seen.succeeded, at.spent-o.seen.spent, at.expired-o.seen.expired
	served := at.served - o.seen.served
	o.seen = at
	length := float64(now - begun)
	o.pace += min(length/float64(time.Second), 1) * (float64(served)/length - o.pace)
	if now-o.turned >= int64(30*time.Second) {
		o.best, o.turned = [2]float64{0, o.best[0]}, now
	}
	o.best[0] = max(o.best[0], o.pace)
	if n == 0 {
		return
	}
	took, base := float64(spent)/float64(n), o.usual()
	o.recent = took
	o.lately = toward(max(o.lately, 1), took, now-begun, 5*time.Second, 5*time.Second)
	switch {
	case (4*expired > n || doubtful) && (base > 0 && took > base):
		return
	case o.seen.succeeded-n < newcomers: // these come first, before there can be a queue
		o.proven = o.novice()
		o.setUsual(o.proven)
		return
	}
	base = min(toward(base, took, now-begun, 10*time.Second, 3*time.Second), 3*o.proven)
	o.proven = toward(o.proven, base, now-begun, 5*time.Minute, 30*time.Second)
	o.setUsual(base)
}

// succeed takes in a success.
func (o *operation) succeed(took int64) {
	o.succeeded.Add(1)
	o.served.Add(1)
	o.spent.Add(took)
	if o.early.Load() >= newcomers {
		return
	}
	n := o.early.Add(1)
	if n <= newcomers {
		o.earlier.Add(took)
	}
	if n <= newcomers/4 {
		o.earliest.Add(took)
	}
}

// newcomers are the first successes of an operation, which say what one takes.
const newcomers = 32

// novice is what they took. Where the later ones took much longer, there was a queue
// already, and the very first count.
func (o *operation) novice() float64 {
	n := float64(max(min(o.early.Load(), newcomers), 1))
	return max(min(float64(o.earlier.Load())/n, 1.5*float64(o.earliest.Load())/min(n, newcomers/4)), 1)
}

// renew takes what calls take now for what they must.
func (o *operation) renew(stretch float64) {
	base := o.usual()
	if base == 0 {
		return
	}
	o.proven = max(base, min(o.recent, 2*stretch*base))
	o.setUsual(o.proven)
}

// toward moves a mean to m by what happened in a while.
func toward(mean, m float64, length int64, up, down time.Duration) float64 {
	slowness := up
	if m < mean {
		slowness = down
	}
	return mean + min(float64(length)/float64(slowness), 0.5)*(m-mean)
}

// operations are those of a limiter, by name.
type operations struct {
	known  atomic.Pointer[map[string]*operation] // replaced, never changed
	adding sync.Mutex
}

func newOperations() *operations {
	o := &operations{}
	o.known.Store(&map[string]*operation{})
	return o
}

// of is the operation of the call that is made in ctx.
func (o *operations) of(ctx context.Context) *operation {
	name := ""
	if c := endpoint.CallOf(ctx); c != nil {
		name = c.Name
	}
	known := *o.known.Load()
	if op := known[name]; op != nil {
		return op
	}
	if rest := known[""]; rest != nil && len(known) >= maxOperations {
		return rest
	}
	return o.add(name)
}

func (o *operations) add(name string) *operation {
	o.adding.Lock()
	defer o.adding.Unlock()
	known := *o.known.Load()
	if len(known) >= maxOperations {
		name = "" // which all that are too many share
	}
	if there, is := known[name]; is {
		return there
	}
	more := maps.Clone(known)
	more[name] = &operation{}
	o.known.Store(&more)
	return more[name]
}

// set replaces the names of those that are outside of the limit. What is known of
// the others stays.
func (o *operations) set(except []string) {
	o.adding.Lock()
	defer o.adding.Unlock()
	known := maps.Clone(*o.known.Load())
	maps.DeleteFunc(known, func(name string, op *operation) bool { return op.excepted != slices.Contains(except, name) })
	for _, name := range except {
		if known[name] == nil {
			known[name] = &operation{excepted: true}
		}
	}
	o.known.Store(&known)
}

// each visits all.
func (o *operations) each(visit func(*operation)) {
	for _, op := range *o.known.Load() {
		visit(op)
	}
}
