package breaker

import (
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/window"
)

// tally is what a circuit has seen since it was made. Moments are in ns since
// then.
type tally struct {
	succeeded                             window.Counter
	failed, timedOut, ignored             atomic.Int64
	lastSuccess, lastFailure, lastIgnored atomic.Int64

	// Of the successes that were timed, but one in a millisecond at most: their
	// number, the time that they took, and what one takes of late, in ns.
	timed, spent, usual atomic.Int64
}

const (
	// fine is how exact the moments are: one that is less later is not written.
	fine = int64(time.Millisecond)
	// newcomers are so many successes that are all timed.
	newcomers = 16
	// sampled: of those after them one in so many is timed, where nothing else
	// needs its time. A power of two.
	sampled = 16
)

// hasty is how long a call has taken at least that blames the callee when its
// caller's deadline ran out before anybody knows how long a call takes: below
// it, the caller may have been in a hurry.
const hasty = 100 * time.Millisecond

// muchSlower is how many times what is usual a call takes that is slow by the
// circuit's own record.
const muchSlower = 3

func (t *tally) begin() {
	t.succeeded = window.NewCounter()
	for _, moment := range []*atomic.Int64{&t.lastSuccess, &t.lastFailure, &t.lastIgnored} {
		moment.Store(-fine) // so that even the first nanosecond is later
	}
}

// due reports whether the next success should be timed, for the record.
func (t *tally) due() bool {
	n := t.succeeded.Local()
	return n < newcomers || n%sampled == 0
}

// succeed counts a timed success. memory is how far back "of late" goes.
func (t *tally) succeed(now int64, took, memory time.Duration) {
	t.succeeded.Add()
	before := t.lastSuccess.Load()
	if now-before < fine || !t.lastSuccess.CompareAndSwap(before, now) {
		return
	}
	t.spent.Add(int64(took))
	// The plain average of the first ones, then the weight of each is the share
	// of memory since the one before: an average that forgets at the same pace
	// whatever the rate of calls.
	weight := max(1/float64(t.timed.Add(1)), min(float64(now-before)/float64(memory), 0.25))
	usual := t.usual.Load()
	t.usual.Store(usual + int64(float64(int64(took)-usual)*weight))
}

// fail counts a failure, or what counts as nothing.
func (t *tally) fail(now int64, outcome fault.Outcome, err error) {
	if outcome == fault.Ignored {
		t.ignored.Add(1)
		note(&t.lastIgnored, now)
		return
	}
	t.failed.Add(1)
	note(&t.lastFailure, now)
	if fault.CodeOf(err) == fault.DeadlineExceeded {
		t.timedOut.Add(1)
	}
}

// slow reports whether a call that its caller's deadline ended took long by the
// circuit's own record.
func (t *tally) slow(took time.Duration) bool {
	if t.timed.Load() == 0 {
		return took >= hasty
	}
	return took >= max(muchSlower*time.Duration(t.usual.Load()), time.Duration(fine))
}

func note(moment *atomic.Int64, now int64) {
	if now-moment.Load() >= fine {
		moment.Store(now)
	}
}

// last is when a result came last.
func (t *tally) last() int64 {
	return max(t.lastSuccess.Load(), t.lastFailure.Load(), t.lastIgnored.Load(), 0)
}

func (t *tally) into(s *Snapshot, born time.Time) {
	timed, spent := t.timed.Load(), t.spent.Load()
	succeeded, failed := t.succeeded.Sum(), t.failed.Load()
	s.Statistics = Statistics{
		TotalRequests: succeeded + failed + t.ignored.Load(), SuccessfulRequests: succeeded, FailedRequests: failed,
		TimeoutRequests: t.timedOut.Load(), LastResetTime: born,
	}
	if timed > 0 {
		s.Statistics.AverageResponseTime = time.Duration(spent / timed)
		s.LastSuccessTime = new(born.Add(time.Duration(t.lastSuccess.Load())))
	}
	if failed > 0 {
		s.LastFailureTime = new(born.Add(time.Duration(max(t.lastFailure.Load(), 0))))
	}
}
