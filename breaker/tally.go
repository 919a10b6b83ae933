package breaker

import (
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/window"
)

// tally counts the results of a circuit. Moments are ns since the circuit was created.
type tally struct {
	succeeded                             window.Counter
	failed, timedOut, ignored             atomic.Int64
	lastSuccess, lastFailure, lastIgnored atomic.Int64

	// Of the timed successes, at most one in a millisecond: their number, their total
	// time, and their recent mean, in ns.
	timed, spent, meanLatency atomic.Int64
}

const (
	// timestampStep is the precision of the moments, in ns: it saves writes.
	timestampStep = int64(time.Millisecond)
	// alwaysTimed is how many successes are all timed at first.
	alwaysTimed = 16
	// sampleEvery is how often a later success is timed, if nothing else needs its time.
	// It is a power of two.
	sampleEvery = 16
)

// minBlame is how long a call must take to blame the callee for the caller's deadline while
// no latency is known: below it, the deadline may have been too short.
const minBlame = 100 * time.Millisecond

// slowFactor is how many times the mean latency a slow call takes.
const slowFactor = 3

func (t *tally) init() {
	t.succeeded = window.NewCounter()
	for _, moment := range []*atomic.Int64{&t.lastSuccess, &t.lastFailure, &t.lastIgnored} {
		moment.Store(-timestampStep) // so even a result in the first nanosecond is later
	}
}

// shouldTime says whether the next success should be timed, for the statistics.
func (t *tally) shouldTime() bool {
	n := t.succeeded.Local()
	return n < alwaysTimed || n%sampleEvery == 0
}

// addSuccess counts a timed success. period is the time constant of the mean.
func (t *tally) addSuccess(now int64, took, period time.Duration) {
	t.succeeded.Add()
	before := t.lastSuccess.Load()
	if now-before < timestampStep || !t.lastSuccess.CompareAndSwap(before, now) {
		return
	}
	t.spent.Add(int64(took))
	// The first ones have equal weights. Then the weight of each is the share of the
	// period since the one before, so the mean fades at the same speed at any rate of
	// calls.
	weight := max(1/float64(t.timed.Add(1)), min(float64(now-before)/float64(period), 0.25))
	mean := t.meanLatency.Load()
	t.meanLatency.Store(mean + int64(float64(int64(took)-mean)*weight))
}

// addFailure counts a failure or an ignored result.
func (t *tally) addFailure(now int64, verdict fault.Verdict, outcome fault.Outcome) {
	if outcome == fault.Ignored {
		t.ignored.Add(1)
		advance(&t.lastIgnored, now)
		return
	}
	t.failed.Add(1)
	advance(&t.lastFailure, now)
	if verdict == fault.TimedOut || verdict == fault.Expired {
		t.timedOut.Add(1)
	}
}

// tookLong says whether a call that its caller's deadline ended was slow for this circuit.
func (t *tally) tookLong(took time.Duration) bool {
	if t.timed.Load() == 0 {
		return took >= minBlame
	}
	return took >= max(slowFactor*time.Duration(t.meanLatency.Load()), time.Duration(timestampStep))
}

func advance(moment *atomic.Int64, now int64) {
	if now-moment.Load() >= timestampStep {
		moment.Store(now)
	}
}

// lastResult is the time of the last result of any kind.
func (t *tally) lastResult() int64 {
	return max(t.lastSuccess.Load(), t.lastFailure.Load(), t.lastIgnored.Load(), 0)
}

func (t *tally) fill(s *Snapshot, created time.Time) {
	timed, spent := t.timed.Load(), t.spent.Load()
	succeeded, failed := t.succeeded.Sum(), t.failed.Load()
	s.Statistics = Statistics{
		TotalRequests: succeeded + failed + t.ignored.Load(), SuccessfulRequests: succeeded, FailedRequests: failed,
		TimeoutRequests: t.timedOut.Load(), LastResetTime: created,
	}
	if timed > 0 {
		s.Statistics.AverageResponseTime = time.Duration(spent / timed)
		s.LastSuccessTime = new(created.Add(time.Duration(t.lastSuccess.Load())))
	}
	if failed > 0 {
		s.LastFailureTime = new(created.Add(time.Duration(max(t.lastFailure.Load(), 0))))
	}
}
