package loadbalance

import (
	"math"
	"time"
)

// briefWindow is over which time an outage shows that has just begun.
const briefWindow = 2 * time.Second

// recentCalls is what a node has answered recently, with counts that fade: to 1/e in
// Ejection.Window, those with brief in their names in briefWindow.
type recentCalls struct {
	ended, failed, slow, neutral         uint32  // totals at the last sweep
	newAnswers                           float64 // since the sweep before the last one
	calls, failures                      float64
	briefCalls, briefSlow, briefFailures float64
}

// fading are the weights of earlier calls after a time.
type fading struct{ window, brief float64 }

func fadingAfter(d, window time.Duration) fading {
	after := func(w time.Duration) float64 { return math.Exp(-float64(d) / float64(w)) }
	return fading{window: after(window), brief: after(briefWindow)}
}

// add adds the calls since the last sweep to the earlier ones.
func (r *recentCalls) add(s *stats, f fading) {
	ended, failed, slow, neutral := s.totalEnded(), s.failed.Load(), s.slow.Load(), s.neutral.Load()
	r.newAnswers = float64(ended-r.ended) - float64(neutral-r.neutral)
	r.calls = r.calls*f.window + r.newAnswers
	r.failures = r.failures*f.window + float64(failed-r.failed)
	r.briefCalls = r.briefCalls*f.brief + r.newAnswers
	r.briefSlow = r.briefSlow*f.brief + float64(slow-r.slow)
	r.briefFailures = r.briefFailures*f.brief + float64(failed-r.failed)
	r.ended, r.failed, r.slow, r.neutral = ended, failed, slow, neutral
}

// forget starts all counts at zero.
func (r *recentCalls) forget(s *stats) {
	*r = recentCalls{
		ended: s.totalEnded(), failed: s.failed.Load(), slow: s.slow.Load(), neutral: s.neutral.Load(),
	}
}

// failureRate includes the calls since the last sweep. It is the rate of the whole window,
// or of briefWindow if that is worse by more than one failure: at the start of an outage a
// node must be compared with how the others do now.
func (r *recentCalls) failureRate(s *stats) (share float64, known bool) {
	answers := float64(s.totalEnded()-r.ended) - float64(s.neutral.Load()-r.neutral)
	failures := float64(s.failed.Load() - r.failed)
	if r.calls+answers <= 0 {
		return 0, false
	}
	share = (r.failures + failures) / (r.calls + answers)
	if brief := r.briefFailures + failures; brief > 1 {
		share = max(share, brief/(r.briefCalls+answers))
	}
	return share, true
}
