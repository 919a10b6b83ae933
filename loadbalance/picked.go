package loadbalance

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/registry"
)

// Picked is the instance that Pick has chosen. Call Done exactly once, when the call
// ends, on this value or on a copy; a second Done, on either, is a mistake and may count
// the call twice.
type Picked struct {
	// Instance is the chosen one; read-only.
	Instance *registry.Instance
	// HedgeAfter is above zero if the attempt is a probe, whose instance may not do well:
	// then the caller should start a second attempt after so long. It is the mean latency
	// of the median healthy instance, so that the caller of a probe waits about twice as
	// long as others at most. With fewer than 50 calls a second, or after a good probe,
	// which shows that the instance is likely well, it is the longest latency that is not
	// slow, since the second attempt uses up the budget of a retry. It is 100 ms if the
	// latency is not known.
	HedgeAfter time.Duration

	node  *node
	start start
	// A fifth field would cost half of a pick: the compiler keeps a struct in registers if
	// it has four at most.
}

// start is when an attempt started, since its pool was created, or untimed. It may be keyed.
type start time.Duration

const (
	// untimed says that the end of the attempt is not timed. Only a keyed one counts as in
	// flight then.
	untimed start = -1 << 63
	// keyed says that the attempt counts in Pool.keyedCalls.
	keyed start = 1 << 62
)

func (s start) isTimed() bool { return s >= 0 }

func (s start) isKeyed() bool { return s&keyed != 0 }

func (s start) at() time.Duration { return time.Duration(s &^ keyed) }

// Done reports how the attempt ended; err is nil for a success. ctx is the context of the
// attempt.
func (p Picked) Done(ctx context.Context, err error) {
	if p.start == untimed && err == nil && p.node.streak.Load() == 0 {
		return // it changes nothing
	}
	p.finish(ctx, err)
}

func (p Picked) finish(ctx context.Context, err error) {
	n := p.node
	if n == nil {
		return
	}
	if p.start.isKeyed() {
		n.pool.keyedCalls.traffic.Add(callEnded)
	}
	if p.start != untimed {
		n.traffic.Add(callEnded)
	}
	switch {
	case !p.start.isTimed():
		p.finishUntimed(ctx, err)
	case err == nil:
		p.succeed(n.pool.elapsed(ctx))
	default:
		p.finishFailed(ctx, err, n.pool.elapsed(ctx))
	}
}

func (p Picked) finishUntimed(ctx context.Context, err error) {
	n := p.node
	if err == nil {
		n.resetStreak()
		return
	}
	switch result, unreached := outcomeOf(ctx, err); result {
	case failed:
		if p.start.isKeyed() {
			n.failed.Add(1)
		}
		now := n.pool.elapsed(ctx)
		p.countFailure(now, now, unreached, false)
	case success:
	default:
		if p.start.isKeyed() {
			n.neutral.Add(1)
		}
	}
}

// succeed ends a timed attempt.
func (p Picked) succeed(now time.Duration) {
	n := p.node
	b := n.pool
	took := max(now-p.start.at(), 0)
	if int64(now)-n.lastAnswer.Load() >= minUpdateGap || n.unanswered.Load() != 0 {
		n.recordAnswer(now)
	}
	l := &b.health.latencies
	if n.latency.addSuccess(now, float64(took), b.routing.Load().perDecay) && l.mean.Load() == 0 {
		l.mean.Store(float64(took))
	}
	n.resetStreak()
	if int64(took) > l.slowAbove.Load() {
		n.slow.Add(1)
	}
	p.reportToHealth(now, took, success, false)
}

// finishFailed ends a timed attempt that is no success.
func (p Picked) finishFailed(ctx context.Context, err error, now time.Duration) {
	n := p.node
	b := n.pool
	l := &b.health.latencies
	took := max(now-p.start.at(), 0)
	result, unreached := outcomeOf(ctx, err)
	mean := n.latency.mean()
	if mean == 0 {
		mean = l.mean.Load()
	}
	endedByClient := result == expired || result == cancelled || ctx.Err() != nil
	silent := endedByClient && result != cancelled && n.lastAnswer.Load() < int64(p.start.at())
	callerExpired := result == expired
	if callerExpired {
		others := b.routing.Load().policy.Probation.Factor * l.medianExpected.Load()
		result = expiredOutcome(float64(took), mean, others)
	}
	if silent {
		n.unanswered.Add(1)
	} else if !endedByClient && !unreached {
		n.recordAnswer(now)
	}
	cost := max(float64(took), n.latency.expected(now, b.routing.Load().perDecay))
	switch result {
	case failed:
		n.failed.Add(1)
		n.phantom.add(now, float64(took), mean)
		n.latency.charge(now, max(cost, failureCost*l.maxExpected.Load(), failureCost*mean))
		p.countFailure(p.start.at(), now, unreached, silent)
	case refused: // its latency must not attract calls
		n.neutral.Add(1)
		n.phantom.add(now, float64(took), mean)
		n.latency.charge(now, max(cost, mean, l.meanExpected.Load()))
	default:
		n.neutral.Add(1)
		if callerExpired { // the instance continues to work for the caller who has gone
			n.phantom.add(now, 0, mean)
		}
	}
	p.reportToHealth(now, took, result, silent || unreached)
}

// reportToHealth reports the end of a call to a node that is out.
func (p Picked) reportToHealth(now, took time.Duration, result outcome, noAnswer bool) {
	isProbe := p.HedgeAfter > 0
	if !isProbe && p.node.isHealthy() {
		return
	}
	b := p.node.pool
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.health.callEnded(p.node, ended{p.start.at(), took, result, isProbe, noAnswer}, now) {
		b.publish(now)
	}
}

// countFailure counts a failure in a row, and ejects for too many. A refused connection
// counts as that many. noAnswer says that the node answered no call since start.
func (p Picked) countFailure(start, now time.Duration, unreached, noAnswer bool) {
	n := p.node
	b := n.pool
	e := &b.routing.Load().policy.Ejection
	failures := int32(1)
	if unreached {
		failures = int32(e.Failures)
	}
	if !n.countFailure(start, failures, e) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.health.rowCompleted(n, start, now, unreached, noAnswer) {
		b.publish(now)
	}
}
