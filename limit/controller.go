package limit

import (
	"math"
	"sync"
	"time"
)

// controller detects overload and sets the limit. One call at a time evaluates a
// window of calls and updates it.
type controller struct {
	mu            sync.Mutex
	policy        Adaptive
	windowStart   int64  // ns since the limiter was created, as are all moments here
	countsAtStart counts // of the tally

	phase         phase
	reason        Reason  // why there is a limit, unless the phase is unlimited
	limit         float64 // unless the phase is unlimited
	phaseSince    int64
	target        float64 // target latency, ns
	trouble       trouble
	reference     reference // how long calls took at a higher limit
	measurement   measurement
	lastPressure  int64 // when the limit was last needed
	lastWaiting   int64 // when calls last waited for each other
	lastEvidence  int64 // when a call last ended that shows the callee's load
	drainUntil    int64 // a trial may not fail before, since earlier calls are still draining
	noTrialBefore int64
	trialBackoff  int64 // how long noTrialBefore was ahead
	sampleMask    uint32
}

type phase int

const (
	unlimited phase = iota
	trial           // there is a limit, and it is not known whether it helps
	steering        // the limit helps, and follows what is served in time
)

const (
	minWindow          = int64(100 * time.Millisecond)
	maxWindow          = int64(2 * time.Second)
	minPileUpWindow    = int64(40 * time.Millisecond) // of a window in which calls pile up
	enoughCalls        = 16                           // end a window after minWindow
	maxTimedCalls      = 1000                         // in minWindow; of more, only a sample is timed
	minEvidence        = 8                            // calls before a window shows overload
	shedToStart        = 3                            // overload: the callee refuses one of so many calls
	shedToContinue     = 10
	calmBeforeLift     = int64(time.Second)
	minLateTime        = int64(500 * time.Millisecond) // that calls are late before a trial starts
	minTrialBackoff    = int64(2 * time.Second)        // after a trial that failed
	maxTrialBackoff    = int64(2 * time.Minute)
	maxTrialWait       = int64(8 * time.Second) // that a trial goes on while nothing is answered in time
	longRunningTargets = 8                      // times the target latency
	minLongRunning     = int64(time.Second)
)

// evaluate closes the window if it is long enough, and updates the limit.
func (l *AdaptiveLimiter) evaluate(now int64) {
	c := &l.controller
	if !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	length := now - c.windowStart
	if length < minPileUpWindow {
		l.nextEvaluation.Store(c.windowStart + minPileUpWindow)
		return
	}
	seen := l.tally.counts()
	w := window{counts: seen.since(c.countsAtStart), length: length, start: c.windowStart, now: now, inFlight: l.slots.needingRoom()}
	if w.pilesUp = c.pilesUp(w, l.operations); !w.pilesUp && (length < minWindow || w.evidence() < enoughCalls && length < maxWindow) {
		l.nextEvaluation.Store(now + minWindow/5)
		return
	}
	if c.phase != unlimited || w.mostlyLate() {
		l.slots.exemptOlder(now - max(longRunningTargets*int64(c.target), minLongRunning))
		w.inFlight = l.slots.needingRoom()
	}
	w.allInFlight = l.slots.inUse()
	c.countsAtStart, c.windowStart = seen, now
	c.updateBaselines(w, l.operations)
	switch c.phase {
	case unlimited:
		c.detect(w)
	case trial:
		c.stepTrial(w, l.operations)
	case steering:
		c.steer(w, l.operations)
	}
	l.nextEvaluation.Store(now + minPileUpWindow)
	c.sampleMask = 0
	for c.phase == unlimited && c.sampleMask < 15 && w.succeeded*minWindow > maxTimedCalls*w.length*int64(c.sampleMask+1) {
		c.sampleMask = 2*c.sampleMask + 1
	}
	l.publish()
}

// publish copies the result to where calls read it. The caller holds the lock.
func (l *AdaptiveLimiter) publish() {
	c := &l.controller
	limit := int64(c.policy.Max)
	if c.phase != unlimited {
		limit = min(limit, int64(c.limit))
	}
	if c.policy.Disabled {
		limit = maxInFlight
	}
	l.limiting.Store(c.phase != unlimited && !c.policy.Disabled)
	l.limit.Store(limit)
	l.ceiling.Store(int64(c.policy.Max))
	l.sampleMask.Store(c.sampleMask)
	l.target.Store(int64(c.target))
}

// trouble is a row of windows in which calls are late, or pile up.
type trouble struct {
	windows      int
	start        int64
	mostInFlight float64 // the maximum of the row
	minDuration  int64   // that the row must last, once no call was served in one of its windows
	lastInFlight float64 // of the last window, whether or not it is in a row
}

// pilesUp says that the calls in flight cannot all be answered in good time at the rate
// of this window, and that their number does not fall. Operations without an ended
// call in the window do not count.
func (c *controller) pilesUp(w window, ops *operations) bool {
	if w.succeeded+w.expired < enoughCalls || float64(w.inFlight) <= max(float64(c.policy.Min), 0.98*c.trouble.lastInFlight) {
		return false
	}
	inFlight, servable, typical := 0.0, 0.0, 0.0
	ops.each(func(o *operation) {
		r, s, l := o.backlog(w.length)
		inFlight += r
		servable += s
		typical += l
	})
	return inFlight > max(servable+chanceDeviations*math.Sqrt(typical), float64(c.policy.Min))
}

// requiredDuration is how long calls must be late before a trial starts. It is longer if
// no call is served, since the service may have paused for a moment without overload.
func (t *trouble) requiredDuration(w window) int64 {
	if w.served == 0 && w.expired > 0 {
		t.minDuration = max(t.minDuration, 2*w.lostTime/w.expired)
	}
	return max(minLateTime, t.minDuration)
}

// detect starts a limit if calls are late or pile up, their number does not fall, and
// this lasts, or if the callee itself refuses too many.
func (c *controller) detect(w window) {
	t, inFlight := &c.trouble, float64(w.inFlight)
	t.lastInFlight = inFlight
	c.updateTarget(w)
	late := w.mostlyLate() && inFlight > max(c.targetLimit(w), float64(c.policy.Min))
	shed := w.isShedding(shedToStart)
	if !late && !w.pilesUp && !shed || t.windows > 0 && inFlight < 0.9*t.mostInFlight-2*math.Sqrt(t.mostInFlight) && !shed {
		*t = trouble{lastInFlight: inFlight}
		return
	}
	if t.windows++; t.windows == 1 {
		t.start = w.start
	}
	t.mostInFlight = max(t.mostInFlight, inFlight)
	required := t.requiredDuration(w)
	switch {
	case w.now < c.noTrialBefore:
	case shed && t.windows >= 3:
		c.reference = reference{limit: inFlight, meanLatency: w.meanLatency()}
		c.enterPhase(steering, w.now)
		c.reason = CalleeRefuses
		c.setLimit(max(c.targetLimit(w), inFlight/2))
	case w.pilesUp && t.windows >= 2, t.windows >= 3 && w.now-t.start >= required:
		latency := w.meanLatency()
		// The calls in flight are served after that time (Little, 1961).
		drainTime := inFlight / max(w.successRate(), 1/float64(maxTrialWait))
		latency = max(latency, min(drainTime, float64(maxTrialWait)))
		// The geometric mean is nearer to the target than to how long calls took.
		c.reference = reference{inFlight, latency, max(1.3*c.target, math.Sqrt(c.target*latency))}
		c.enterPhase(trial, w.now)
		c.reason = CallsPileUp
		if late {
			c.reason = CallsLate
		}
		c.drainUntil = w.now + int64(min(max(2*drainTime, float64(minLateTime)), float64(maxTrialWait)))
		c.setLimit(c.targetLimit(w))
	}
}

func (c *controller) enterPhase(p phase, now int64) {
	c.phase, c.phaseSince, c.measurement = p, now, measurement{}
	c.lastPressure, c.lastWaiting, c.lastEvidence, c.drainUntil = now, now, now, now
}

func (c *controller) liftLimit() { c.phase, c.reason, c.trouble = unlimited, "", trouble{} }

// abandonTrial lifts a limit that does not help: the service is slow by nature. There
// is no further trial for a while, which doubles each time.
func (c *controller) abandonTrial(now int64, ops *operations, stretch float64) {
	c.liftLimit()
	c.trialBackoff = min(max(2*c.trialBackoff, minTrialBackoff), maxTrialBackoff)
	c.noTrialBefore = now + c.trialBackoff
	ops.each(func(o *operation) { o.acceptAsBaseline(stretch) })
}

// reference is how long calls took at one limit.
type reference struct {
	limit, meanLatency float64
	helpsBelow         float64 // a lower limit helps if calls take no longer than this, in ns
}

// stepTrial compares latencies at the limit with those before it. Calls that waited for
// each other become faster under a limit; calls that are slow by nature do not.
func (c *controller) stepTrial(w window, ops *operations) {
	c.updateTarget(w)
	c.trouble.lastInFlight = float64(w.inFlight)
	expected := max(w.meanSuccess(), c.target)
	if !c.measurement.add(w, c.limit, expected) {
		if w.evidence() == 0 && w.now-c.lastEvidence > max(maxWindow, 4*int64(c.target)) {
			c.abandonTrial(w.now, ops, 1)
		} else if w.evidence() > 0 {
			c.lastEvidence = w.now
		}
		return
	}
	measured := window{counts: c.measurement.counts}
	helps := measured.meanLatency() <= c.reference.helpsBelow
	// Refusing calls that expire loses nothing. Latencies that still rise are not by nature:
	// other limiters have not reduced their load yet.
	mostlyExpired := 2*measured.expired >= measured.evidence()
	stillRising := measured.meanLatency() > 1.1*c.reference.meanLatency
	if !helps && (w.now < c.drainUntil || (mostlyExpired || stillRising) && w.now-c.phaseSince < maxTrialWait) {
		c.measurement = measurement{}
		if mostlyExpired {
			c.setLimit(min(c.limit, c.targetLimit(w)))
		}
		return
	}
	if !helps {
		c.abandonTrial(w.now, ops, ratio(measured.spent, measured.baselines))
		return
	}
	c.trialBackoff = 0
	c.enterPhase(steering, w.now)
	c.reference = reference{limit: c.limit, meanLatency: measured.meanLatency()}
	c.steer(w, ops)
}

// steer adjusts the limit while it helps, and lifts it when it is not needed.
func (c *controller) steer(w window, ops *operations) {
	c.updateTarget(w)
	inFlight := float64(w.inFlight)
	c.trouble.lastInFlight = inFlight
	if w.refused > 0 || w.mostlyLate() || w.isShedding(shedToContinue) || inFlight > c.limit/2 {
		c.lastPressure = w.now
	}
	if w.evidence() > 0 {
		c.lastEvidence = w.now
	}
	if !w.isCalm() {
		c.lastWaiting = w.now
	}
	if w.now-c.lastWaiting >= calmBeforeLift || w.now-c.lastPressure >= max(calmBeforeLift, 2*int64(c.target)) || w.now-c.lastEvidence >= max(maxWindow, 4*int64(c.target)) {
		c.liftLimit()
		return
	}
	if w.evidence() == 0 {
		return
	}
	gain, goal := 0.3, c.targetLimit(w)
	if goal > c.limit {
		gain = 0.6
	}
	gain = min(gain*float64(w.length)/float64(minWindow), 0.8)
	if w.refused > 0 && w.isCalm() {
		goal = max(goal, 1.5*c.limit) // capacity is free
	}
	c.setLimit(c.limit + gain*(goal-c.limit))
	switch latency := w.meanLatency(); {
	case c.limit > c.reference.limit:
		c.reference = reference{limit: c.limit, meanLatency: latency}
	case w.refused == 0 || w.timed == 0:
	case c.limit <= float64(c.policy.Min):
		if w.meanSuccess() > 1.3*c.target {
			c.acceptSlowness(w, ops)
		}
	case c.limit <= c.reference.limit/4:
		c.reference.helpsBelow = 0.5 * c.reference.meanLatency
		c.enterPhase(trial, w.now)
	}
}

// acceptSlowness moves baselines slowly to current latencies. At the lowest limit calls
// are still slow, so they do not, or not only, wait for each other.
func (c *controller) acceptSlowness(w window, ops *operations) {
	ops.each(func(o *operation) {
		if o.lastMean > o.baseline() && o.baseline() > 0 {
			o.confirmed = toward(o.baseline(), o.lastMean, w.length, 10*time.Second, 0)
			o.setBaseline(o.confirmed)
		}
	})
}

// targetLimit is how many calls are served within the target latency at the window's
// rate (Little, 1961), plus one, which gives many limiters equal shares in the end.
func (c *controller) targetLimit(w window) float64 {
	target := c.target
	if w.isShedding(shedToContinue) {
		target = min(target, w.meanSuccess())
	}
	return w.successRate()*target + 1
}

// updateTarget sets the target latency to the mean of the window's calls.
func (c *controller) updateTarget(w window) {
	if w.timed > 0 {
		c.target = ratio(w.targets, w.timed)
	}
}

// updateBaselines also closes the window of each operation.
func (c *controller) updateBaselines(w window, ops *operations) {
	doubtful := w.mostlyLate() || w.refused > 0 || c.phase != unlimited
	ops.each(func(o *operation) { o.closeWindow(w.start, w.now, doubtful) })
}

func (c *controller) setLimit(limit float64) {
	c.limit = min(max(limit, float64(c.policy.Min)), float64(c.policy.Max))
}
