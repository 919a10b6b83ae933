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

// maxOperations is how many operations a limiter tells apart. The others share one.
const maxOperations = 200

// operation is what a limiter knows of one operation.
type operation struct {
	excepted         bool          // outside of the limit
	baselineBits     atomic.Uint64 // how long a success takes without overload, ns, as float64 bits; 0 not known
	bestBaselineBits atomic.Uint64 // the lowest recent baseline, ns, as float64 bits
	succeeded        atomic.Int64  // of timed calls
	spent            atomic.Int64  // sum over succeeded, ns
	expired          atomic.Int64  // timed calls that ran out of time
	served           atomic.Int64  // of succeeded and expired: successes of the callee, even if too late
	firstCount       atomic.Int64  // of the first successes
	firstSpent       atomic.Int64  // sum over the first successes, ns
	earliestSpent    atomic.Int64  // sum over the first quarter of them, ns
	expiredShareBits atomic.Uint64 // share of calls that run out of time in good times, as float64 bits
	budgets          atomic.Int64  // sum over succeeded and expired of how long their callers waited at most, ns
	inFlight         atomic.Int64  // timed calls that can be answered in time

	// Guarded by the controller's lock.
	atWindowStart  operationCounts
	confirmed      float64    // the baseline when it was last in no doubt, ns
	lastMean       float64    // how long a success took in the last window that had one, ns
	recentMean     float64    // how long a success took, mean of about 5 s, ns
	servedRate     float64    // calls served per ns, mean of about 1 s
	bestRates      [2]float64 // maximum of servedRate, in the current half minute and in the one before
	bestRatesSince int64      // start of the current half minute
}

// operationCounts are an operation's counters at one moment.
type operationCounts struct{ succeeded, spent, expired, served, budgets int64 }

func (o *operation) counts() operationCounts {
	return operationCounts{o.succeeded.Load(), o.spent.Load(), o.expired.Load(), o.served.Load(), o.budgets.Load()}
}

// backlog compares the calls in flight with what can be served. servable is how many can
// be answered in time at the rate of a window of this length, or at a share of the best
// recent rate if that is higher, since a slowdown may pass. typical is how many there
// were at once in the last seconds.
func (o *operation) backlog(length int64) (inFlight, servable, typical float64) {
	at := o.counts()
	n := at.served - o.atWindowStart.served
	if n == 0 {
		return 0, 0, 0
	}
	budget := float64(at.budgets-o.atWindowStart.budgets) / float64(at.succeeded-o.atWindowStart.succeeded+at.expired-o.atWindowStart.expired)
	rate := max(float64(n)/float64(length), recoverableRate*max(o.bestRates[0], o.bestRates[1]))
	return float64(o.inFlight.Load()), budget * rate, o.recentMean * rate
}

func (o *operation) baseline() float64 { return math.Float64frombits(o.baselineBits.Load()) }

func (o *operation) setBaseline(ns float64) { o.baselineBits.Store(math.Float64bits(ns)) }

// hopeless says that a call cannot be answered within its budget under any load, or that
// this is not known yet.
func (o *operation) hopeless(budget int64) bool {
	best := o.bestBaseline()
	return best == 0 || budget > 0 && float64(budget) < reachableBaselines*best || math.Float64frombits(o.expiredShareBits.Load()) > maxNormalExpired
}

func (o *operation) bestBaseline() float64 { return math.Float64frombits(o.bestBaselineBits.Load()) }

// closeWindow updates the baselines by the calls since the last window.
func (o *operation) closeWindow(start, now int64, doubtful bool) {
	o.updateExpiredShare(now-start, doubtful)
	o.updateBaseline(start, now, doubtful)
	baseline, best := o.baseline(), o.bestBaseline()
	switch {
	case best == 0 || baseline < best:
		best = baseline
	case !doubtful:
		best = toward(best, baseline, now-start, 5*time.Minute, 0)
	}
	o.bestBaselineBits.Store(math.Float64bits(best))
}

// updateExpiredShare averages over the first calls, then over about a minute.
func (o *operation) updateExpiredShare(length int64, doubtful bool) {
	at := o.counts()
	n, expired := at.succeeded-o.atWindowStart.succeeded, at.expired-o.atWindowStart.expired
	if n+expired == 0 {
		return
	}
	share, first := float64(expired)/float64(n+expired), o.atWindowStart.succeeded+o.atWindowStart.expired < firstSuccesses
	before := math.Float64frombits(o.expiredShareBits.Load())
	switch {
	case first:
		all := float64(at.succeeded + at.expired)
		share = before + (share-before)*float64(n+expired)/all
	case doubtful:
		return
	default:
		share = toward(before, share, length, time.Minute, time.Minute)
	}
	o.expiredShareBits.Store(math.Float64bits(share))
}

// updateBaseline moves the baseline towards the window's mean, faster down than up.
// While calls are refused or late it only moves down. It never exceeds three times the
// confirmed baseline, which rises slowly, so it does not follow a queue that grows
// slowly.
func (o *operation) updateBaseline(start, now int64, doubtful bool) {
	at := o.counts()
	n, spent, expired := at.succeeded-o.atWindowStart.succeeded, at.spent-o.atWindowStart.spent, at.expired-o.atWindowStart.expired
	served := at.served - o.atWindowStart.served
	o.atWindowStart = at
	length := float64(now - start)
	o.servedRate += min(length/float64(time.Second), 1) * (float64(served)/length - o.servedRate)
	if now-o.bestRatesSince >= int64(30*time.Second) {
		o.bestRates, o.bestRatesSince = [2]float64{0, o.bestRates[0]}, now
	}
	o.bestRates[0] = max(o.bestRates[0], o.servedRate)
	if n == 0 {
		return
	}
	mean, baseline := float64(spent)/float64(n), o.baseline()
	o.lastMean = mean
	o.recentMean = toward(max(o.recentMean, 1), mean, now-start, 5*time.Second, 5*time.Second)
	switch {
	case (4*expired > n || doubtful) && (baseline > 0 && mean > baseline):
		return
	case o.atWindowStart.succeeded-n < firstSuccesses: // they come before there can be a queue
		o.confirmed = o.firstBaseline()
		o.setBaseline(o.confirmed)
		return
	}
	baseline = min(toward(baseline, mean, now-start, 10*time.Second, 3*time.Second), 3*o.confirmed)
	o.confirmed = toward(o.confirmed, baseline, now-start, 5*time.Minute, 30*time.Second)
	o.setBaseline(baseline)
}

func (o *operation) addSuccess(took int64) {
	o.succeeded.Add(1)
	o.served.Add(1)
	o.spent.Add(took)
	if o.firstCount.Load() >= firstSuccesses {
		return
	}
	n := o.firstCount.Add(1)
	if n <= firstSuccesses {
		o.firstSpent.Add(took)
	}
	if n <= firstSuccesses/4 {
		o.earliestSpent.Add(took)
	}
}

// firstSuccesses is how many successes the first baseline comes from.
const firstSuccesses = 32

// firstBaseline is the mean of the first successes. If the later ones took much longer
// there was a queue already, and the first quarter decides.
func (o *operation) firstBaseline() float64 {
	n := float64(max(min(o.firstCount.Load(), firstSuccesses), 1))
	return max(min(float64(o.firstSpent.Load())/n, 1.5*float64(o.earliestSpent.Load())/min(n, firstSuccesses/4)), 1)
}

// acceptAsBaseline makes the current latency the baseline.
func (o *operation) acceptAsBaseline(stretch float64) {
	baseline := o.baseline()
	if baseline == 0 {
		return
	}
	o.confirmed = max(baseline, min(o.lastMean, 2*stretch*baseline))
	o.setBaseline(o.confirmed)
}

// toward moves a mean to m, by the share of its time constant that length is.
func toward(mean, m float64, length int64, up, down time.Duration) float64 {
	timeConstant := up
	if m < mean {
		timeConstant = down
	}
	return mean + min(float64(length)/float64(timeConstant), 0.5)*(m-mean)
}

// operations are the operations of a limiter, by name.
type operations struct {
	byName atomic.Pointer[map[string]*operation] // replaced, never changed
	mu     sync.Mutex
}

func newOperations() *operations {
	o := &operations{}
	o.byName.Store(&map[string]*operation{})
	return o
}

// forCall returns the operation of the call that is made in ctx.
func (o *operations) forCall(ctx context.Context) *operation {
	name := ""
	if c := endpoint.CallOf(ctx); c != nil {
		name = c.Name
	}
	byName := *o.byName.Load()
	if op := byName[name]; op != nil {
		return op
	}
	if rest := byName[""]; rest != nil && len(byName) >= maxOperations {
		return rest
	}
	return o.add(name)
}

func (o *operations) add(name string) *operation {
	o.mu.Lock()
	defer o.mu.Unlock()
	byName := *o.byName.Load()
	if len(byName) >= maxOperations {
		name = "" // shared by all operations above the maximum
	}
	if existing, ok := byName[name]; ok {
		return existing
	}
	more := maps.Clone(byName)
	more[name] = &operation{}
	o.byName.Store(&more)
	return more[name]
}

// setExcept replaces the names outside of the limit. Other operations keep their state.
func (o *operations) setExcept(except []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	byName := maps.Clone(*o.byName.Load())
	maps.DeleteFunc(byName, func(name string, op *operation) bool { return op.excepted != slices.Contains(except, name) })
	for _, name := range except {
		if byName[name] == nil {
			byName[name] = &operation{excepted: true}
		}
	}
	o.byName.Store(&byName)
}

func (o *operations) each(visit func(*operation)) {
	for _, op := range *o.byName.Load() {
		visit(op)
	}
}
