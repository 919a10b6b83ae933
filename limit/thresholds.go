package limit

import "time"

// Latency thresholds of an operation, in ns. A budget is how long the caller waits, in
// ns, and 0 if that is not known.

const (
	// A call is late after lateShare of its caller's time: earlier, the caller still has its
	// answer in time. It is not late before lateBaselines times the baseline, since a call
	// may take that long by chance.
	lateShare     = 0.8
	lateBaselines = 3.0
	// chanceDeviations is by how many standard deviations of the recent number in flight
	// the calls in flight must exceed what can be served in time. By nature long calls may
	// be that many by chance.
	chanceDeviations = 3
	// recoverableRate is the share of its best rate that a slow service is expected to
	// reach again before the callers have gone.
	recoverableRate      = 0.8
	defaultWaitBaselines = 20.0 // for a caller without a deadline
	minDefaultWait       = float64(2 * time.Second)
	// A caller that waits for less than reachableBaselines times the best baseline cannot
	// rely on an answer even without load.
	reachableBaselines = 2.5
	// If more than maxNormalExpired of the calls run out of time in good times, an expired
	// call is no evidence of overload.
	maxNormalExpired = 0.25
)

// callerWait is how long a caller waits.
func (o *operation) callerWait(budget int64) float64 {
	if budget > 0 {
		return float64(budget)
	}
	return max(defaultWaitBaselines*o.bestBaseline(), minDefaultWait)
}

// lateAfter is how long a call takes before it is a sign of overload.
func (o *operation) lateAfter(budget int64) float64 {
	return max(lateBaselines*o.baseline(), lateShare*o.callerWait(budget))
}

// target is how long a call may take while others are refused: a quarter of its budget,
// but no more than ten times the baseline, and at least twice the baseline.
func (o *operation) target(budget int64) float64 {
	if budget <= 0 {
		return max(10*o.bestBaseline(), float64(50*time.Millisecond))
	}
	baseline, b := o.baseline(), float64(budget)
	return max(min(b/4, max(10*baseline, float64(50*time.Millisecond))), min(2*baseline, b/2), 1.25*baseline)
}
