package limit

// window is what happened between two evaluations.
type window struct {
	counts
	start, now, length int64 // ns
	inFlight           int   // at the end, those that need room
	allInFlight        int   // and those that need none
	pilesUp            bool  // see controller.pilesUp
}

// evidence is the number of calls that show something of the callee's load.
func (w window) evidence() int64 { return w.timed + w.expired + w.shed }

// meanSuccess is how long a success took, in ns, and 0 if there was none.
func (w window) meanSuccess() float64 { return ratio(w.spent, w.timed) }

// meanLatency includes calls that ran out of time, in ns.
func (w window) meanLatency() float64 { return ratio(w.spent+w.lostTime, w.timed+w.expired) }

// successRate is successes per ns.
func (w window) successRate() float64 { return float64(w.succeeded) / float64(w.length) }

// mostlyLate says that two thirds of the calls were late.
func (w window) mostlyLate() bool {
	return w.timed+w.expired >= minEvidence && 3*w.late >= 2*(w.timed+w.expired)
}

// isShedding says that the callee itself refused at least one of so many calls.
func (w window) isShedding(of int64) bool { return w.shed >= minEvidence && of*w.shed >= w.evidence() }

// isCalm says that no call waited for another: latencies were close to the baseline.
func (w window) isCalm() bool {
	return !w.isShedding(shedToContinue) && float64(w.spent) < 1.5*float64(w.baselines) && 10*w.late <= w.evidence()
}

func ratio(sum, n int64) float64 {
	if n == 0 {
		return 0
	}
	return float64(sum) / float64(n)
}
