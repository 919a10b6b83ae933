package limit

// expectation is how long the calls of an operation take, and how many run out of time,
// while there is no overload. The thresholds of a call follow from it. A budget is the time
// until the caller's deadline, in ns; 0 if it has none, or an untrusted one.
type expectation struct {
	baseline     float64 // how long a success takes, ns; 0 if not known
	best         float64 // the lowest recent baseline, ns; 0 if not known
	expiredShare float64 // of calls that run out of time
}

func (e expectation) isKnown() bool { return e.baseline > 0 }

// callerWait is how long a caller waits, in ns.
func (e expectation) callerWait(budget int64) float64 {
	if budget > 0 {
		return float64(budget)
	}
	return max(defaultWaitBaselines*e.best, minDefaultWait)
}

// lateAfter is how long a call takes before it is a sign of overload, in ns.
func (e expectation) lateAfter(budget int64) float64 {
	return max(lateBaselines*e.baseline, lateShare*e.callerWait(budget))
}

// target is the target latency of a call, in ns: how long it may take while others are
// refused.
func (e expectation) target(budget int64) float64 {
	if budget <= 0 {
		return max(maxTargetBaselines*e.best, minTargetCap)
	}
	wait := float64(budget)
	highest := max(maxTargetBaselines*e.baseline, minTargetCap)
	lowest := min(minTargetBaselines*e.baseline, minTargetShare*wait)
	return max(min(targetShare*wait, highest), lowest, floorTargetBaselines*e.baseline)
}

// isHopeless says that a call cannot be answered within its budget under any load, or that
// this is not known yet. Such a call is no evidence of overload.
func (e expectation) isHopeless(budget int64) bool {
	isShort := budget > 0 && float64(budget) < reachableBaselines*e.best
	return e.best == 0 || isShort || e.expiredShare > maxNormalExpired
}

// isHurried says that the caller waits for so short a time that its call is refused first.
func (e expectation) isHurried(budget int64) bool {
	return budget > 0 && float64(budget) < hurriedBaselines*e.baseline
}
