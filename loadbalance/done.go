package loadbalance

import (
	"context"
	"errors"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// failureCost is what a failure costs at least, in calls to the slowest of the
// good instances: above one, so that a fast refusal draws no calls.
const failureCost = 2

// Done says how the attempt ended. ctx is the context that it was made in.
func (p Picked) Done(ctx context.Context, err error) {
	if p.start == untimed && err == nil && p.node.streak.Load() == 0 {
		return // it says nothing new
	}
	p.end(ctx, err)
}

func (p Picked) end(ctx context.Context, err error) {
	switch {
	case p.node == nil:
	case p.start < 0:
		p.doneUntimed(ctx, err)
	default:
		p.done(ctx, err)
	}
}

func (p Picked) doneUntimed(ctx context.Context, err error) {
	n := p.node
	if p.start != untimed {
		n.traffic.Add(answered)
		n.pool.all.Add(answered)
	}
	if err == nil {
		n.worked()
		return
	}
	switch judge(ctx, err) {
	case failed:
		if p.start != untimed {
			n.failed.Add(1)
		}
		now := endpoint.Elapsed(ctx, n.pool.began)
		n.pool.blame(n, now, now, fault.IsUnreached(err), false)
	case fine:
	default:
		if p.start != untimed {
			n.void.Add(1)
		}
	}
}

func (p Picked) done(ctx context.Context, err error) {
	n := p.node
	b := n.pool
	now := endpoint.Elapsed(ctx, b.began)
	n.traffic.Add(answered)
	if p.start&counted != 0 {
		p.start &^= counted
		b.all.Add(answered)
	}
	took := max(now-p.start, 0)
	if err == nil {
		if int64(now)-n.heard.Load() >= tick || n.unheard.Load() != 0 {
			n.hear(now)
		}
		n.record.succeeded(b, now, float64(took))
		n.worked()
		if int64(took) > b.learned.limit.Load() {
			n.slow.Add(1)
		}
		if p.Probe || n.standing.Load() != in {
			b.tested(p, now, took, fine, false)
		}
	} else {
		p.failed(ctx, err, now, took)
	}
}

// failed is done for an attempt that was no success.
func (p Picked) failed(ctx context.Context, err error, now, took time.Duration) {
	n := p.node
	b := n.pool
	end := judge(ctx, err)
	usual := n.record.usual()
	if usual == 0 {
		usual = b.learned.usual.get()
	}
	endedHere := end == expired || end == cancelled || ctx.Err() != nil // by the caller, or a limit of the client's own
	silent := endedHere && end != cancelled && n.heard.Load() < int64(p.start)
	ranOut := end == expired
	if ranOut {
		end = b.late(float64(took), usual)
	}
	if silent {
		n.unheard.Add(1)
	} else if !endedHere && !fault.IsUnreached(err) {
		n.hear(now)
	}
	switch end {
	case failed:
		n.failed.Add(1)
		n.lingers.add(now, float64(took), usual)
		n.record.charged(now, max(float64(took), n.expected(now, b.view.Load().perDecay), failureCost*b.learned.slowest.get(), failureCost*usual))
		b.blame(n, p.start, now, fault.IsUnreached(err), silent)
	case refused: // by which nobody is to be attracted
		n.void.Add(1)
		n.lingers.add(now, float64(took), usual)
		n.record.charged(now, max(float64(took), n.expected(now, b.view.Load().perDecay), usual, b.learned.typical.get()))
	default:
		n.void.Add(1)
		if ranOut { // the caller has gone, and his work is still there
			n.lingers.add(now, 0, usual)
		}
	}
	if p.Probe || n.standing.Load() != in {
		b.tested(p, now, took, end, silent || fault.IsUnreached(err))
	}
}

// late is what it says of a node that its caller's time ran out: nothing, where
// a call may take that long there; not much, where all are as slow now, as in an
// overload that hits all alike; else that it failed.
func (b *Pool) late(took, usual float64) end {
	switch {
	case usual == 0 || took <= 2*usual:
		return cancelled
	case took <= b.view.Load().policy.Probation.Factor*b.learned.common.get():
		return refused
	}
	return failed
}

// end is what an attempt that is over says of the instance.
type end int

const (
	fine      end = iota
	refused       // it is well, and says no
	failed        //
	expired       // the caller's time ran out
	cancelled     // nothing
)

// judge reads an end in the context in which the attempt was made. One that was
// cancelled there, as a hedge is by the other, says nothing; a limit of a
// policy's own does not.
func judge(ctx context.Context, err error) end {
	caller := endpoint.CallerOf(ctx)
	switch {
	case err == nil:
		return fine
	case fault.CallerExpired(caller, err):
		return expired
	case caller.Err() != nil, errors.Is(ctx.Err(), context.Canceled), fault.Hurried(caller, err):
		return cancelled
	case fault.Classify(caller, err) == fault.Failure && !fault.IsOverloaded(err):
		return failed
	}
	return refused
}
