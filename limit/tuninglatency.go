package limit

import "time"

// The numbers of what a call is compared with, and of who is refused first.

// What a caller can expect of a call.
const (
	// lateShare is the share of its caller's time after which a call is late. Before that the
	// caller still has its answer in time, with some room for what varies.
	lateShare = 0.8
	// lateBaselines is how many baselines a call takes before it may be late. An
	// exponentially distributed latency exceeds 3 times its mean in 5 % of the calls.
	lateBaselines = 3.0
	// defaultWaitBaselines is how many best baselines a caller without a deadline counts as
	// waiting. Latencies that vary by nature do not reach it.
	defaultWaitBaselines = 20.0
	// minDefaultWait is how long such a caller counts as waiting at least: the bound of Miller
	// (1968) for an answer that must not interrupt a person's work.
	minDefaultWait = float64(2 * time.Second)
	// reachableBaselines is how many best baselines a caller must wait for, or its call is no
	// evidence: 8 % of exponentially distributed latencies exceed 2.5 times their mean.
	reachableBaselines = 2.5
	// maxNormalExpired is the share of calls of an operation that run out of time without
	// overload, above which an expired call of it is no evidence. It is far from the two
	// thirds of mostLate.
	maxNormalExpired = 0.25
)

// The target latency.
const (
	// targetShare is the target latency as a share of the caller's time. The rest is for calls
	// that take longer than the mean: 98 % of exponentially distributed latencies are below
	// 4 times their mean.
	targetShare = 0.25
	// maxTargetBaselines is how many baselines the target latency is at most. A longer queue
	// adds latency, and no throughput.
	maxTargetBaselines = 10
	// minTargetCap is what the cap by maxTargetBaselines is at least. At a baseline below
	// 5 ms the pauses of a scheduler or a collector would else look like queues.
	minTargetCap = float64(50 * time.Millisecond)
	// minTargetBaselines is how many baselines the target latency is at least, so that all
	// workers are busy: as many calls wait as run.
	minTargetBaselines = 2
	// minTargetShare bounds minTargetBaselines by a share of the caller's time.
	minTargetShare = 0.5
	// floorTargetBaselines is how many baselines the target latency is in any case. Below
	// the baseline the limit would refuse calls of an idle service.
	floorTargetBaselines = 1.25
	// firstTargetLatencies is the target latency of a call whose operation has no baseline
	// yet, in latencies of the call itself, which is its own baseline.
	firstTargetLatencies = minTargetBaselines
)

// Calls that need no room.
const (
	// longRunningTargets is how many target latencies a call is in flight before it needs no
	// room: few calls that will end soon take so long.
	longRunningTargets = 8
	// minLongRunning is how long that is at least, so that a pause of the process exempts no
	// quick calls.
	minLongRunning = int64(time.Second)
)

// Baselines.
const (
	// maxOperations is how many operations a limiter tells apart; the others share one. It
	// bounds memory where names come from requests, and is above the number of routes of
	// most services.
	maxOperations = 200
	// firstSuccesses is how many successes the first baseline comes from. They come before
	// there can be a queue. Their mean has a standard error of a sixth (1/sqrt(32)).
	firstSuccesses = 32
	// earliestSuccesses of them decide if the later ones take more than queuedFirsts times as
	// long: there was a queue already.
	earliestSuccesses = firstSuccesses / 4
	queuedFirsts      = 1.5
	// maxRise is how many times the confirmed baseline a baseline is at most, so that it does
	// not follow a queue that grows slowly.
	maxRise = 3
	// maxAdopted is how many times the latency of a failed trial the new baseline is at most:
	// the last window may be one of calls that still drain.
	maxAdopted = 2
	// maxMove bounds how far a mean moves in one window: no window decides alone.
	maxMove = 0.5
)

// manyExpired is the share of expired calls above which a baseline does not rise: the calls
// that are still answered took long for the same reason.
var manyExpired = fraction{1, 4}

// Time constants of means. A mean moves by the share of its time constant that a window
// lasts. Baselines fall faster than they rise: load makes calls slower, and nothing makes
// them faster than they are.
const (
	baselineUp   = 10 * time.Second // longer than most queues last, so that a queue raises it little
	baselineDown = 3 * time.Second
	// confirmedUp is long beside the overloads that a service survives unattended.
	confirmedUp   = 5 * time.Minute
	confirmedDown = 30 * time.Second
	// bestUp is how long the best baseline remembers good times.
	bestUp = 5 * time.Minute
	// recentLatency is that of the latency from which the recent number in flight follows.
	recentLatency = 5 * time.Second
	// slowAtLowestLimit is that of baselines that approach the latency at the lowest limit.
	slowAtLowestLimit = 10 * time.Second
	// normalExpired is that of the share of calls that run out of time in good times.
	normalExpired = time.Minute
	// rateMean is that of the rate of served calls.
	rateMean = float64(time.Second)
	// bestRatePeriod is how long one maximum of that rate counts alone. Two periods are
	// remembered, so the best rate is that of the last half to whole minute.
	bestRatePeriod = int64(30 * time.Second)
)

// The order of refusals, and what a refusal says.
const (
	// strictFrom divides the limit: from that many calls in flight on, hurried calls and
	// those of low priority are refused. Below it there is room for all.
	strictFrom = 2
	// hurriedBaselines is the share of a baseline that a caller waits for when its call is
	// refused first: few such calls are answered in time.
	hurriedBaselines = 0.5
	// maxPriority is the highest priority that counts, and -maxPriority the lowest. Each step
	// moves the limit by one of priorityParts, so the range is half to one and a half.
	maxPriority   = 5
	priorityParts = 10
	// retryAfterParts divides the target latency: about then as many calls have ended as make
	// room for a repeat.
	retryAfterParts = 4
	minRetryAfter   = 20 * time.Millisecond // a sooner repeat comes within the same window
	maxRetryAfter   = time.Second           // an overload may be over by then
)

// defaultMin is Min of the zero Adaptive: enough calls that some always end, and few enough
// for a service with many clients.
const defaultMin = 5
