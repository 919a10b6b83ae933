package limit

import (
	"context"
	"sync/atomic"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
)

// tally counts ended calls since the limiter was created.
type tally struct {
	succeeded atomic.Int64 // while their caller waited
	timed     atomic.Int64 // of succeeded
	spent     atomic.Int64 // sum over timed, ns
	baselines atomic.Int64 // sum of the baselines of timed, ns
	targets   atomic.Int64 // sum of the target latencies of timed, ns
	expired   atomic.Int64 // no answer in time, by anyone's deadline, or a late failure
	lostTime  atomic.Int64 // sum over expired, ns
	served    atomic.Int64 // of timed and expired: successes of the callee, even if too late
	other     atomic.Int64 // other failures, and calls that show nothing
	shed      atomic.Int64 // refused by the callee for overload
	late      atomic.Int64 // of timed and expired: late
	refused   atomic.Int64
	wasted    atomic.Int64
}

// counts is a tally at one moment, or the difference of two.
type counts struct {
	succeeded, timed, spent, baselines, targets, expired, lostTime, served, shed, late, refused int64
}

// timedCall is an ended call whose start was timed.
type timedCall struct {
	operation  *operation
	took       int64 // ns
	budget     int64 // that its caller waited at most, ns; 0 if not known
	callerGone bool
}

// add counts a timed call.
func (t *tally) add(ctx context.Context, call timedCall, err error) {
	op, e := call.operation, call.operation.expectation()
	isLate := e.isKnown() && float64(call.took) > e.lateAfter(call.budget)
	if err == nil && !call.callerGone {
		t.succeeded.Add(1)
		t.timed.Add(1)
		t.served.Add(1)
		t.spent.Add(call.took)
		if e.isKnown() {
			t.baselines.Add(int64(e.baseline))
			t.targets.Add(int64(e.target(call.budget)))
		} else {
			t.baselines.Add(call.took)
			t.targets.Add(firstTargetLatencies * call.took)
		}
		op.addSuccess(call.took)
		op.callerWaits.Add(int64(e.callerWait(call.budget)))
	} else if !t.addFailure(ctx, call, e, isLate, err) {
		return
	}
	if isLate {
		t.late.Add(1)
	}
}

// addFailure says whether the call is evidence of latency.
func (t *tally) addFailure(ctx context.Context, call timedCall, e expectation, isLate bool, err error) bool {
	if call.callerGone {
		t.wasted.Add(1)
	}
	end := endingOf(ctx, err)
	if end == failed && isLate || end == neutral && call.callerGone && call.budget > 0 && call.took >= call.budget {
		end = timedOut
	}
	switch end {
	case timedOut:
		call.operation.expired.Add(1)
		if e.isHopeless(call.budget) {
			t.other.Add(1) // it could not have been answered in time, under any load
			return false
		}
		call.operation.callerWaits.Add(int64(e.callerWait(call.budget)))
		t.expired.Add(1)
		t.lostTime.Add(call.took)
		if err == nil {
			t.served.Add(1)
			call.operation.served.Add(1)
		}
		if !isLate {
			t.late.Add(1) // its caller waited no longer, or the call would have become late
		}
		return true
	case shedByCallee:
		t.shed.Add(1)
	default:
		t.other.Add(1) // a fast failure is no evidence of latency
	}
	return false
}

// addUntimed counts an untimed call that is not a success.
func (t *tally) addUntimed(ctx context.Context) {
	t.other.Add(1)
	if callerGone(ctx) {
		t.wasted.Add(1)
	}
}

// ended is the number of ended calls.
func (t *tally) ended() int64 {
	return t.succeeded.Load() + t.expired.Load() + t.other.Load() + t.shed.Load()
}

func (t *tally) counts() counts {
	return counts{
		t.succeeded.Load(), t.timed.Load(), t.spent.Load(), t.baselines.Load(), t.targets.Load(),
		t.expired.Load(), t.lostTime.Load(), t.served.Load(), t.shed.Load(), t.late.Load(), t.refused.Load(),
	}
}

func (c counts) since(before counts) counts {
	return counts{
		c.succeeded - before.succeeded, c.timed - before.timed, c.spent - before.spent, c.baselines - before.baselines, c.targets - before.targets,
		c.expired - before.expired, c.lostTime - before.lostTime, c.served - before.served, c.shed - before.shed, c.late - before.late,
		c.refused - before.refused,
	}
}

// ending is what the end of a call shows of the callee's load.
type ending int

const (
	timedOut     ending = iota // no answer in time
	shedByCallee               // the callee says that it is overloaded
	failed
	neutral // nothing
)

// endingOf gets a nil err for a success whose caller had gone.
func endingOf(ctx context.Context, err error) ending {
	caller := endpoint.CallerOf(ctx)
	if err == nil {
		if caller.Err() == context.Canceled || deadline.IsForeign(ctx) { //nolint:errorlint // it is never wrapped
			return neutral
		}
		return timedOut
	}
	switch fault.Judge(caller, err) {
	case fault.TimedOut, fault.Expired:
		return timedOut
	case fault.Overloaded:
		return shedByCallee
	case fault.Failed, fault.Unreached, fault.Relayed: // a callee that relays a failure has done its work
		return failed
	case fault.OK, fault.Refused, fault.Gone:
	}
	return neutral
}
