package limit

// trial finds out whether a limit makes calls faster. Calls that waited for each other become
// faster under a limit; calls that are slow by nature do not.
type trial struct {
	start        int64
	before       float64 // how long calls took before the trial, ns
	passesBelow  float64 // how long they may take in a trial that passes, ns
	drainUntil   int64   // it cannot fail before, since earlier calls are still draining
	lastEvidence int64   // when a call last ended that shows the callee's load
	measurement  measurement
}

// trialResult is what a trial shows after a window.
type trialResult int

const (
	trialGoesOn   trialResult = iota
	trialExpires              // it goes on, and most of its calls run out of time
	trialPasses               // calls have become faster
	trialFails                // calls are as slow as before
	trialIsSilent             // no call ends
)

// add adds a window that ended under this limit.
func (t *trial) add(w window, limit, target float64) trialResult {
	if !t.measurement.add(w, limit, max(w.meanSuccess(), target)) {
		switch {
		case w.evidence() > 0:
			t.lastEvidence = w.now
		case w.now-t.lastEvidence > maxSilence(target):
			return trialIsSilent
		}
		return trialGoesOn
	}
	measured := t.measurement.result()
	if measured.meanLatency() <= t.passesBelow {
		return trialPasses
	}
	// Latencies that still rise are not by nature: other limiters have not reduced their
	// load yet.
	expires := mostExpired.isReached(measured.expired, measured.evidence())
	rises := measured.meanLatency() > risingLatency*t.before
	switch mayGoOn := w.now < t.drainUntil || (expires || rises) && w.now-t.start < maxTrialWait; {
	case !mayGoOn:
		return trialFails
	case expires:
		t.measurement = measurement{}
		return trialExpires
	default:
		t.measurement = measurement{}
		return trialGoesOn
	}
}

// slowdown is how many times their baselines the calls of the trial took.
func (t *trial) slowdown() float64 {
	measured := t.measurement.result()
	return ratio(measured.spent, measured.baselines)
}

// maxSilence is how long no call may end while there is a limit, in ns.
func maxSilence(target float64) int64 { return max(maxWindow, silentTargets*int64(target)) }
