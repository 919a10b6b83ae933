package limit

import "time"

// Every number that an AdaptiveLimiter decides by: those of the controller are here, those of
// single calls in tuninglatency.go. Times are in ns. A number whose comment names no source
// is a choice: the comment says what it weighs, and the simulated worlds in the tests of
// this package and of simtest pass with it.

// When a window of measurements ends.
const (
	// minWindow is the shortest window in which calls are judged by their latency. A
	// service that is called often has enoughCalls within it.
	minWindow = int64(100 * time.Millisecond)
	// minPileUpWindow is the shortest window in which calls pile up: a small part of usual
	// deadlines, so that a limit starts before the first call is late.
	minPileUpWindow = int64(40 * time.Millisecond)
	// maxWindow ends a window in which few calls ended, so that a service with little traffic
	// is judged within seconds, too.
	maxWindow = int64(2 * time.Second)
	// recheckInterval is the time until a window that is too short is examined again.
	recheckInterval = minWindow / 5
	// enoughCalls end a window. The mean of 16 exponentially distributed latencies has a
	// standard error of a quarter (1/sqrt(16)).
	enoughCalls = 16
	// minEvidence is how many calls a window needs to show an overload. Their mean has a
	// standard error of a third (1/sqrt(8)).
	minEvidence = 8
	// maxTimedCalls is how many successes are timed in minWindow while there is no limit. Of
	// more only a sample is timed, since a reading of the clock is a large part of what an
	// idle limiter costs. A thousand calls give a mean with a standard error of 3 %.
	maxTimedCalls = 1000
	// maxSampleMask has one call of 16 timed, at least.
	maxSampleMask = 15
)

// Signs of overload.
var (
	// mostLate is the share of late calls that shows an overload. It is well above a half,
	// so that one slow kind of call among as many quick ones is none.
	mostLate = fraction{2, 3}
	// shedToStart is the share of calls that the callee refuses for overload when a limit
	// starts. Below it, repeats on other instances find room.
	shedToStart = fraction{1, 3}
	// shedToContinue is that share while there is a limit. It is lower, so that a limit that
	// makes refusals rarer does not end by that and start again.
	shedToContinue = fraction{1, 10}
)

const (
	// lateWindows and shedWindows are how many windows in a row must show an overload. A
	// disturbance of a moment may fall into two.
	lateWindows = 3
	shedWindows = 3
	// pileUpWindows is that number where calls pile up. A third would cost time in which calls
	// become late, and chanceDeviations exclude chance already.
	pileUpWindows = 2
	// minLateTime is how long most calls are late before a trial starts. What passes sooner,
	// such as a collection of garbage, needs no limit.
	minLateTime = int64(500 * time.Millisecond)
	// pausedWaits is how long calls must be late if none is served, in mean waits of the
	// expired calls. If the service paused, all that waited for it expire within one wait.
	pausedWaits = 2
	// chanceDeviations is by how many standard deviations the calls in flight exceed what can
	// be served in time. Without a queue the number in flight is Poisson distributed (it is an
	// M/G/∞ system), so its variance is its mean. Three are the control limit of Shewhart (1931).
	chanceDeviations = 3
	// recoverableRate is the share of its best rate that a slow service is expected to reach
	// again before the callers have gone. The best of many measured rates is above the true one.
	recoverableRate = 0.8
	// notFalling is the share of the number in flight of the window before from which on the
	// number counts as not falling: a large number varies by a percent or two.
	notFalling = 0.98
	// fallenShare and fallenDeviations say when a row of windows is over: the number in
	// flight is below this share of its maximum, by more than these standard deviations. Two
	// leave 2 % to chance.
	fallenShare      = 0.9
	fallenDeviations = 2
	// shedLimitShare is the share of the calls in flight that a limit starts with at least,
	// where the callee refuses: it refuses a third, so half is low enough.
	shedLimitShare = 0.5
)

// Trials.
const (
	// helpfulTargets is how many target latencies calls may take in a trial that passes. The
	// tolerance is about the standard error of enoughCalls.
	helpfulTargets = 1.3
	// furtherTrialShare is the share of the latency before that calls may take in the trial of
	// a limit that has fallen far. With a quarter of the calls, calls that wait for each other
	// become up to four times as fast.
	furtherTrialShare = 0.5
	// fallenFar is the share of the highest limit since the last trial at which the next one
	// starts. Further down a limit that does not help would refuse most calls.
	fallenFar = 0.25
	// risingLatency is the factor by which latencies exceed those before the trial when they
	// still rise: less is variation.
	risingLatency = 1.1
	// maxTrialWait bounds how long a trial waits for earlier calls to drain, and for other
	// limiters to reduce their load. It is below the 10 s that a user's attention lasts
	// (Nielsen, 1993).
	maxTrialWait = int64(8 * time.Second)
	// drainFactor is how many times the expected time to drain a trial waits, since the rate
	// of a loaded service varies. It waits for minDrainTime at least.
	drainFactor  = 2
	minDrainTime = minLateTime
	// minTrialPause is the time after a failed trial without another. Each further failure
	// makes it pauseGrowth times as long.
	minTrialPause = int64(2 * time.Second)
	pauseGrowth   = 2
	// maxTrialPause bounds that. A trial refuses calls for some seconds, so failed trials
	// take a few percent of the time in the end.
	maxTrialPause = int64(2 * time.Minute)
	// settledDifference is how many calls more than the limit may be in flight in a
	// measurement: calls end and start while they are counted.
	settledDifference = 1
	// sparseMeasurement is after how long minEvidence calls end a measurement, since few calls
	// are made. After maxWindow a single one does.
	sparseMeasurement = maxWindow / 2
)

// mostExpired is the share of expired calls in a trial from which on the trial goes on: to
// refuse calls that expire loses nothing.
var mostExpired = fraction{1, 2}

// Steering.
const (
	// fairShare is added to the calls that are served within the target latency. Of many
	// limiters in front of one service those with a small limit grow by it in proportion
	// more, so the shares become equal (Chiu and Jain, 1989).
	fairShare = 1
	// raiseGain and lowerGain are the shares of the way to its goal that the limit goes in
	// minWindow. Free capacity is lost at once, and a queue grows slowly.
	raiseGain = 0.6
	lowerGain = 0.3
	// maxGain bounds the gain of a long window: one window may be wrong.
	maxGain = 0.8
	// calmRaise is the factor by which the limit is raised while calls are refused and none
	// waits: the rate is that of the limit then, and not of the service.
	calmRaise = 1.5
	// slowTargets is how many target latencies calls take at the lowest limit when they are
	// slow by nature: the tolerance of helpfulTargets.
	slowTargets = helpfulTargets
	// usedShare is the share of the limit in use above which the limit is needed. With less in
	// use, twice as many calls could come before one is refused.
	usedShare = 0.5
)

// The end of a limit.
const (
	// calmBaselines is how many baselines calls take at most when none waits for another:
	// with no queue only chance exceeds the baseline.
	calmBaselines = 1.5
	// minCalmTime is for how long no call waited, or the limit was not needed, when it ends:
	// several windows, and a short time for callers who are refused.
	minCalmTime = int64(time.Second)
	// unneededTargets is the same in target latencies, if that is longer: a call shows what
	// the limit does when it ends.
	unneededTargets = 2
	// silentTargets is after how many target latencies without the end of any call, and
	// at least maxWindow, a limit ends: it cannot know that it is needed.
	silentTargets = 4
)

// fewLate is the share of late calls up to which no call waits for another.
var fewLate = fraction{1, 10}
