package breaker

import (
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// tally is what a circuit has seen since it was made. Moments are in ns since
// then.
type tally struct {
	succeeded, failed, timedOut, ignored  atomic.Int64
	spent                                 atomic.Int64 // on successes, in ns
	lastSuccess, lastFailure, lastIgnored atomic.Int64
}

// fine is how exact the moments are: one that is less later is not written.
const fine = int64(time.Millisecond)

func (t *tally) add(now int64, took time.Duration, outcome fault.Outcome, err error) {
	switch outcome {
	case fault.Success:
		t.succeeded.Add(1)
		t.spent.Add(int64(took))
		note(&t.lastSuccess, now)
	case fault.Failure:
		t.failed.Add(1)
		note(&t.lastFailure, now)
		if fault.CodeOf(err) == fault.DeadlineExceeded {
			t.timedOut.Add(1)
		}
	case fault.Ignored:
		t.ignored.Add(1)
		note(&t.lastIgnored, now)
	}
}

func note(moment *atomic.Int64, now int64) {
	if before := moment.Load(); now-before >= fine || before == 0 {
		moment.Store(now)
	}
}

// last is when a result came last.
func (t *tally) last() int64 {
	return max(t.lastSuccess.Load(), t.lastFailure.Load(), t.lastIgnored.Load())
}

func (t *tally) into(s *Snapshot, born time.Time) {
	succeeded, failed := t.succeeded.Load(), t.failed.Load()
	s.Statistics = Statistics{
		TotalRequests: succeeded + failed + t.ignored.Load(), SuccessfulRequests: succeeded, FailedRequests: failed,
		TimeoutRequests: t.timedOut.Load(), LastResetTime: born,
	}
	if succeeded > 0 {
		s.Statistics.AverageResponseTime = time.Duration(t.spent.Load() / succeeded)
		s.LastSuccessTime = new(born.Add(time.Duration(t.lastSuccess.Load())))
	}
	if failed > 0 {
		s.LastFailureTime = new(born.Add(time.Duration(t.lastFailure.Load())))
	}
}
