package breaker

import (
	"time"

	"github.com/sinew-go/sinew/fault"
)

// tally is what a circuit has seen since it was made.
type tally struct {
	total, succeeded, failed, timedOut int64
	spent                              time.Duration // on successes
	lastSuccess, lastFailure           int64
	probes                             uint64
}

func (t *tally) add(now int64, took time.Duration, outcome fault.Outcome, err error) {
	t.total++
	switch outcome {
	case fault.Success:
		t.succeeded++
		t.spent += took
		t.lastSuccess = now
	case fault.Failure:
		t.failed++
		t.lastFailure = now
		if fault.CodeOf(err) == fault.DeadlineExceeded {
			t.timedOut++
		}
	case fault.Ignored:
	}
}

func (t *tally) into(s *Snapshot, born time.Time) {
	s.Statistics = Statistics{
		TotalRequests: t.total, SuccessfulRequests: t.succeeded, FailedRequests: t.failed, TimeoutRequests: t.timedOut,
		LastResetTime: born,
	}
	if t.succeeded > 0 {
		s.Statistics.AverageResponseTime = t.spent / time.Duration(t.succeeded)
		s.LastSuccessTime = new(born.Add(time.Duration(t.lastSuccess)))
	}
	if t.failed > 0 {
		s.LastFailureTime = new(born.Add(time.Duration(t.lastFailure)))
	}
}
