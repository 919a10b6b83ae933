package limit

// window is what was measured between two evaluations. Times are in ns since the limiter was
// created.
type window struct {
	counts
	start, now, length int64
	inFlight           int // at the end, calls that need room
	allInFlight        int // and those that need none
	backlog            backlog
	pilesUp            bool // see controller.pilesUp
}

// isOver says that the window shows enough to end it.
func (w window) isOver() bool {
	return w.pilesUp || w.length >= minWindow && (w.evidence() >= enoughCalls || w.length >= maxWindow)
}

// evidence is the number of calls that show something of the callee's load.
func (w window) evidence() int64 { return w.timed + w.expired + w.shed }

// meanSuccess is how long a success took, in ns, and 0 if there was none.
func (w window) meanSuccess() float64 { return ratio(w.spent, w.timed) }

// meanLatency includes calls that ran out of time, in ns.
func (w window) meanLatency() float64 { return ratio(w.spent+w.lostTime, w.timed+w.expired) }

// successRate is successes per ns.
func (w window) successRate() float64 { return float64(w.succeeded) / float64(w.length) }

// mostlyLate says that most calls were late for their callers.
func (w window) mostlyLate() bool {
	return w.timed+w.expired >= minEvidence && mostLate.isReached(w.late, w.timed+w.expired)
}

// isShedding says that the callee itself refused at least this share for overload.
func (w window) isShedding(share fraction) bool {
	return w.shed >= minEvidence && share.isReached(w.shed, w.evidence())
}

// isCalm says that no call waited for another: latencies were close to the baseline.
func (w window) isCalm() bool {
	isFast := float64(w.spent) < calmBaselines*float64(w.baselines)
	return isFast && !w.isShedding(shedToContinue) && !fewLate.isExceeded(w.late, w.evidence())
}

// sampleMask says which calls are timed until the next evaluation while there is no limit:
// those whose generation has none of its bits.
func (w window) sampleMask() (mask uint32) {
	for mask < maxSampleMask && w.succeeded*minWindow > maxTimedCalls*w.length*int64(mask+1) {
		mask = 2*mask + 1
	}
	return mask
}

func ratio(sum, n int64) float64 {
	if n == 0 {
		return 0
	}
	return float64(sum) / float64(n)
}
