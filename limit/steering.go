package limit

// steering is what shows whether a limit that helps is still needed. The moments are in ns
// since the limiter was created.
type steering struct {
	lastPressure int64 // when the limit was last needed
	lastWaiting  int64 // when calls last waited for each other
	lastEvidence int64 // when a call last ended that shows the callee's load
}

// add adds a window that ended under this limit.
func (s *steering) add(w window, limit float64) {
	isUsed := float64(w.inFlight) > usedShare*limit
	if isUsed || w.refused > 0 || w.mostlyLate() || w.isShedding(shedToContinue) {
		s.lastPressure = w.now
	}
	if w.evidence() > 0 {
		s.lastEvidence = w.now
	}
	if !w.isCalm() {
		s.lastWaiting = w.now
	}
}

// isOver says that the limit is not needed: no call waits, nobody asks for more, or no call
// ends that could show it.
func (s *steering) isOver(now int64, target float64) bool {
	return now-s.lastWaiting >= minCalmTime ||
		now-s.lastPressure >= max(minCalmTime, unneededTargets*int64(target)) ||
		now-s.lastEvidence >= maxSilence(target)
}

// nextLimit is the limit after a window, on its way to the goal.
func nextLimit(limit, goal float64, w window) float64 {
	gain := lowerGain
	if goal > limit {
		gain = raiseGain
	}
	gain = min(gain*float64(w.length)/float64(minWindow), maxGain)
	if w.refused > 0 && w.isCalm() {
		goal = max(goal, calmRaise*limit) // capacity is free; the gain stays that of the measured goal
	}
	return limit + gain*(goal-limit)
}

// steeringResult is what a window of steering leads to.
type steeringResult int

const (
	steeringGoesOn steeringResult = iota
	limitNotNeeded
	limitFellFar
	lowestLimitIsSlow // so calls do not, or not only, wait for each other
)
