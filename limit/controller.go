package limit

import "math"

// controller detects overload and sets the limit. It is a state machine: a window of
// measurements goes in, a setting comes out. It reads no clock, draws nothing at random, and
// has no lock: the limiter calls it under its own. Moments are in ns since the limiter was
// created.
type controller struct {
	min, max float64 // the bounds of the limit, by the policy

	phase     Phase
	reason    Reason  // why there is a limit; "" in phase Unlimited
	limit     float64 // unless the phase is Unlimited
	target    float64 // target latency, ns
	signs     overloadSigns
	reference reference
	trial     trial
	steering  steering
	pause     trialPause
}

// reference is how long calls took at a higher limit.
type reference struct {
	limit   float64
	latency float64 // ns
}

func newController() controller { return controller{phase: Unlimited} }

// next moves to the phase that a window leads to. All transitions are here.
func (c *controller) next(w window) setting {
	c.signs.lastInFlight = float64(w.inFlight)
	if w.timed > 0 {
		c.target = ratio(w.targets, w.timed)
	}
	before, change := c.phase, baselineChange{}
	switch c.phase {
	case Unlimited:
		switch reason := c.signs.add(w, c.isLate(w)); {
		case reason == "" || w.now < c.pause.until:
		case reason == CalleeRefuses:
			c.phase, c.reason = Steering, reason
			c.startSteering(w)
		default:
			c.phase, c.reason = Trial, reason
			c.startTrial(w)
		}
	case Trial:
		switch c.trial.add(w, c.limit, c.target) {
		case trialGoesOn:
		case trialExpires:
			c.setLimit(min(c.limit, c.targetLimit(w)))
		case trialPasses:
			c.phase = Steering
			c.passTrial(w)
		case trialFails:
			c.phase = Unlimited
			change = baselineChange{adoptLatency, c.trial.slowdown()}
		case trialIsSilent:
			c.phase = Unlimited
			change = baselineChange{adoptLatency, 1}
		}
		if c.phase == Unlimited {
			c.pause.start(w.now)
		}
		if c.phase != Steering {
			break
		}
		fallthrough // a trial that passes is steered at once
	case Steering:
		switch c.steer(w) {
		case steeringGoesOn:
		case limitNotNeeded:
			c.phase = Unlimited
		case limitFellFar:
			c.phase = Trial
			c.startFurtherTrial(w)
		case lowestLimitIsSlow:
			change.kind = approachLatency
		}
	}
	if c.phase == Unlimited && before != Unlimited {
		c.reason, c.signs = "", overloadSigns{}
	}
	return c.setting(w, change)
}

// setting is what is in force after a window.
func (c *controller) setting(w window, change baselineChange) setting {
	s := setting{phase: c.phase, reason: c.reason, limit: c.limit, target: c.target, baselines: change}
	s.longRunning = max(longRunningTargets*int64(c.target), minLongRunning)
	if c.phase == Unlimited {
		s.sampleMask = w.sampleMask()
	}
	return s
}

// pilesUp says that the calls in flight cannot all be answered in time at the rate of this
// window, which may still go on, and that their number does not fall.
func (c *controller) pilesUp(w window) bool {
	return w.succeeded+w.expired >= enoughCalls &&
		float64(w.inFlight) > max(c.min, notFalling*c.signs.lastInFlight) && w.backlog.exceeds(c.min)
}

// isLate says that most calls are late, and that fewer in flight would help.
func (c *controller) isLate(w window) bool {
	return w.mostlyLate() && float64(w.inFlight) > max(c.targetLimit(w), c.min)
}

// startSteering starts a limit without a trial, since the callee says that it helps.
func (c *controller) startSteering(w window) {
	inFlight := float64(w.inFlight)
	c.reference = reference{inFlight, w.meanLatency()}
	c.steering = steering{w.now, w.now, w.now}
	c.setLimit(max(c.targetLimit(w), shedLimitShare*inFlight))
}

// startTrial starts a limit of which it is not known whether it makes calls faster.
func (c *controller) startTrial(w window) {
	// The calls in flight are served after that time (Little, 1961).
	drainTime := float64(w.inFlight) / max(w.successRate(), 1/float64(maxTrialWait))
	latency := max(w.meanLatency(), min(drainTime, float64(maxTrialWait)))
	c.reference = reference{float64(w.inFlight), latency}
	wait := min(max(drainFactor*drainTime, float64(minDrainTime)), float64(maxTrialWait))
	c.trial = trial{
		start: w.now, lastEvidence: w.now, drainUntil: w.now + int64(wait), before: latency,
		// The geometric mean is nearer to the target than to how long calls took.
		passesBelow: max(helpfulTargets*c.target, math.Sqrt(c.target*latency)),
	}
	c.setLimit(c.targetLimit(w))
}

// startFurtherTrial examines a limit again that has fallen far. The limit stays.
func (c *controller) startFurtherTrial(w window) {
	c.trial = trial{
		start: w.now, lastEvidence: w.now, before: c.reference.latency,
		passesBelow: furtherTrialShare * c.reference.latency, drainUntil: w.now,
	}
}

// passTrial begins to steer a limit that has made calls faster.
func (c *controller) passTrial(w window) {
	measured := c.trial.measurement.result()
	c.reference = reference{c.limit, measured.meanLatency()}
	c.steering = steering{w.now, w.now, w.now}
	c.pause.length = 0
}

// steer adjusts the limit while it helps.
func (c *controller) steer(w window) steeringResult {
	c.steering.add(w, c.limit)
	if c.steering.isOver(w.now, c.target) {
		return limitNotNeeded
	}
	if w.evidence() == 0 {
		return steeringGoesOn
	}
	c.setLimit(nextLimit(c.limit, c.targetLimit(w), w))
	switch {
	case c.limit > c.reference.limit:
		c.reference = reference{c.limit, w.meanLatency()}
	case w.refused == 0 || w.timed == 0:
	case c.limit <= c.min:
		if w.meanSuccess() > slowTargets*c.target {
			return lowestLimitIsSlow
		}
	case c.limit <= fallenFar*c.reference.limit:
		return limitFellFar
	}
	return steeringGoesOn
}

// targetLimit is how many calls are served within the target latency at the window's
// rate (Little, 1961), plus fairShare.
func (c *controller) targetLimit(w window) float64 {
	target := c.target
	if w.isShedding(shedToContinue) {
		target = min(target, w.meanSuccess())
	}
	return w.successRate()*target + fairShare
}

func (c *controller) setLimit(limit float64) { c.limit = min(max(limit, c.min), c.max) }
