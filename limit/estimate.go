package limit

import "time"

// estimate finds the expectation of an operation from its windows.
type estimate struct {
	expectation
	confirmed  float64 // the baseline when it was last in no doubt, ns; it rises slowly
	lastMean   float64 // how long a success took in the last window that had one, ns
	recentMean float64 // how long a success took, mean over recentLatency, ns
}

// operationWindow is what happened to an operation in one window.
type operationWindow struct {
	operationCounts
	before    operationCounts // until the window began
	length    int64           // ns
	doubtful  bool            // the latencies may come from load
	firstMean float64         // how long the first successes took, ns
}

// add adds a window.
func (e *estimate) add(w operationWindow) {
	e.addExpiredShare(w)
	e.addBaseline(w)
	switch {
	case e.best == 0 || e.baseline < e.best:
		e.best = e.baseline
	case !w.doubtful:
		e.best = toward(e.best, e.baseline, w.length, bestUp, bestUp)
	}
}

// addExpiredShare averages over the first calls, then over normalExpired.
func (e *estimate) addExpiredShare(w operationWindow) {
	n := w.succeeded + w.expired
	if n == 0 {
		return
	}
	share, earlier := float64(w.expired)/float64(n), w.before.succeeded+w.before.expired
	switch {
	case earlier < firstSuccesses:
		e.expiredShare += (share - e.expiredShare) * float64(n) / float64(earlier+n)
	case !w.doubtful:
		e.expiredShare = toward(e.expiredShare, share, w.length, normalExpired, normalExpired)
	}
}

// addBaseline moves the baseline towards the window's mean, faster down than up. In doubt it
// moves down only.
func (e *estimate) addBaseline(w operationWindow) {
	if w.succeeded == 0 {
		return
	}
	mean := float64(w.spent) / float64(w.succeeded)
	e.lastMean = mean
	e.recentMean = toward(max(e.recentMean, 1), mean, w.length, recentLatency, recentLatency)
	isDoubtful := w.doubtful || manyExpired.isExceeded(w.expired, w.succeeded)
	switch {
	case isDoubtful && e.baseline > 0 && mean > e.baseline:
		return
	case w.before.succeeded < firstSuccesses:
		e.confirm(w.firstMean)
		return
	}
	e.baseline = min(toward(e.baseline, mean, w.length, baselineUp, baselineDown), maxRise*e.confirmed)
	e.confirmed = toward(e.confirmed, e.baseline, w.length, confirmedUp, confirmedDown)
}

// confirm sets the baseline, without doubt.
func (e *estimate) confirm(baseline float64) { e.baseline, e.confirmed = baseline, baseline }

// adopt makes the current latency the baseline, after a trial in which calls took slowdown
// times their baselines.
func (e *estimate) adopt(slowdown float64) {
	if e.baseline > 0 {
		e.confirm(max(e.baseline, min(e.lastMean, maxAdopted*slowdown*e.baseline)))
	}
}

// approach moves the baseline up to the current latency, slowly.
func (e *estimate) approach(length int64) {
	if e.baseline > 0 && e.lastMean > e.baseline {
		e.confirm(toward(e.baseline, e.lastMean, length, slowAtLowestLimit, slowAtLowestLimit))
	}
}

// toward moves a mean to a value, by the share that length is of the time constant: up if the
// value is higher, down if it is lower.
func toward(mean, value float64, length int64, up, down time.Duration) float64 {
	timeConstant := up
	if value < mean {
		timeConstant = down
	}
	return mean + min(float64(length)/float64(timeConstant), maxMove)*(value-mean)
}
