package loadbalance

import (
	"context"
	"errors"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
)

// failureCost is what a failure costs at least, in calls to the slowest working instance.
// It is above one, so that a fast refusal attracts no calls.
const failureCost = 2

// Done reports how the attempt ended. ctx is the context of the attempt.
func (p Picked) Done(ctx context.Context, err error) {
	if p.start == untimed && err == nil && p.node.streak.Load() == 0 {
		return // it changes nothing
	}
	p.finish(ctx, err)
}

func (p Picked) finish(ctx context.Context, err error) {
	switch {
	case p.node == nil:
	case p.start < 0:
		p.finishUntimed(ctx, err)
	default:
		p.finishTimed(ctx, err)
	}
}

func (p Picked) finishUntimed(ctx context.Context, err error) {
	n := p.node
	if p.start != untimed {
		n.traffic.Add(callAnswered)
		n.pool.keyedTraffic.Add(callAnswered)
	}
	if err == nil {
		n.resetStreak()
		return
	}
	switch result, unreached := outcomeOf(ctx, err); result {
	case failed:
		if p.start != untimed {
			n.failedCount.Add(1)
		}
		now := callctx.Elapsed(ctx, n.pool.created)
		n.pool.recordFailure(n, now, now, unreached, false)
	case success:
	default:
		if p.start != untimed {
			n.neutralCount.Add(1)
		}
	}
}

func (p Picked) finishTimed(ctx context.Context, err error) {
	n := p.node
	b := n.pool
	now := callctx.Elapsed(ctx, b.created)
	n.traffic.Add(callAnswered)
	if p.start&counted != 0 {
		p.start &^= counted
		b.keyedTraffic.Add(callAnswered)
	}
	took := max(now-p.start, 0)
	if err == nil {
		if int64(now)-n.lastAnswer.Load() >= minUpdateGap || n.unanswered.Load() != 0 {
			n.recordAnswer(now)
		}
		n.latency.addSuccess(b, now, float64(took))
		n.resetStreak()
		if int64(took) > b.stats.slowAbove.Load() {
			n.slowCount.Add(1)
		}
		if p.Probe || n.health.Load() != healthy {
			b.onProbeResult(p, now, took, success, false)
		}
	} else {
		p.finishFailed(ctx, err, now, took)
	}
}

// finishFailed ends a timed attempt that is no success.
func (p Picked) finishFailed(ctx context.Context, err error, now, took time.Duration) {
	n := p.node
	b := n.pool
	result, unreached := outcomeOf(ctx, err)
	meanLatency := n.latency.mean()
	if meanLatency == 0 {
		meanLatency = b.stats.meanLatency.get()
	}
	endedByClient := result == expired || result == cancelled || ctx.Err() != nil
	silent := endedByClient && result != cancelled && n.lastAnswer.Load() < int64(p.start)
	callerExpired := result == expired
	if callerExpired {
		result = b.expiredOutcome(float64(took), meanLatency)
	}
	if silent {
		n.unanswered.Add(1)
	} else if !endedByClient && !unreached {
		n.recordAnswer(now)
	}
	switch result {
	case failed:
		n.failedCount.Add(1)
		n.phantom.add(now, float64(took), meanLatency)
		n.latency.charge(now, max(float64(took), n.expectedLatency(now, b.routing.Load().inverseDecay), failureCost*b.stats.maxExpected.get(), failureCost*meanLatency))
		b.recordFailure(n, p.start, now, unreached, silent)
	case refused: // its latency must not attract calls
		n.neutralCount.Add(1)
		n.phantom.add(now, float64(took), meanLatency)
		n.latency.charge(now, max(float64(took), n.expectedLatency(now, b.routing.Load().inverseDecay), meanLatency, b.stats.meanExpected.get()))
	default:
		n.neutralCount.Add(1)
		if callerExpired { // the instance continues to work for the caller who has gone
			n.phantom.add(now, 0, meanLatency)
		}
	}
	if p.Probe || n.health.Load() != healthy {
		b.onProbeResult(p, now, took, result, silent || unreached)
	}
}

// expiredOutcome judges a call whose caller's time ran out. It is cancelled if a call to
// this node may take that long, refused if the others are as slow, as in an overload of
// all, and failed otherwise.
func (b *Pool) expiredOutcome(took, meanLatency float64) outcome {
	switch {
	case meanLatency == 0 || took <= 2*meanLatency:
		return cancelled
	case took <= b.routing.Load().policy.Probation.Factor*b.stats.medianExpected.get():
		return refused
	}
	return failed
}

// outcome is what the end of an attempt shows of the instance.
type outcome int

const (
	success outcome = iota
	refused         // the instance works, and does not serve the call
	failed
	expired   // the caller's time ran out
	cancelled // nothing
)

// outcomeOf says what the end of an attempt shows of the instance, and whether no connection
// was made. ctx is the context of the attempt: an attempt that was cancelled there, as
// a hedge is when the other attempt wins, shows nothing; a timeout of a policy shows a failure.
//
// An instance that relays failures has failed: another one may reach what this one does
// not, and where all relay alike none is ejected.
func outcomeOf(ctx context.Context, err error) (result outcome, unreached bool) {
	switch v := fault.Judge(callctx.CallerOf(ctx), err); {
	case v == fault.OK:
		return success, false
	case v == fault.Expired:
		return expired, false
	case v == fault.Gone, errors.Is(ctx.Err(), context.Canceled):
		return cancelled, v == fault.Unreached
	case v == fault.Overloaded, v == fault.Refused:
		return refused, false
	default:
		return failed, v == fault.Unreached
	}
}
