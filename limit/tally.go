package limit

import (
	"context"
	"sync/atomic"
)

// tally counts calls since the limiter was created: counts says what each counter means.
type tally struct {
	succeeded, timed, spent, baselines, targets atomic.Int64
	expired, lostTime, served, late, shed       atomic.Int64
	refused                                     atomic.Int64
	other                                       atomic.Int64 // ended calls that show nothing of the load
	wasted                                      atomic.Int64 // ended calls whose caller had gone
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
	e := call.operation.expectation()
	isLate := e.isKnown() && float64(call.took) > e.lateAfter(call.budget)
	if err == nil && !call.callerGone {
		t.addSuccess(call, e, isLate)
		return
	}
	if call.callerGone {
		t.wasted.Add(1)
	}
	end := endingOf(ctx, err)
	isOver := call.callerGone && call.budget > 0 && call.took >= call.budget
	if end == failed && isLate || end == neutral && isOver {
		end = timedOut
	}
	switch end {
	case timedOut:
		t.addExpired(call, e, err == nil)
	case shedByCallee:
		t.shed.Add(1)
	default:
		t.other.Add(1) // a fast failure is no evidence of latency
	}
}

// addSuccess counts a success whose caller waited. Without a baseline it is its own.
func (t *tally) addSuccess(call timedCall, e expectation, isLate bool) {
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
	if isLate {
		t.late.Add(1)
	}
	call.operation.addSuccess(call.took, int64(e.callerWait(call.budget)))
}

// addExpired counts a call that ran out of time; served says that the callee did its work.
// It is late in any case: its caller waits no longer, or the call would have become late.
func (t *tally) addExpired(call timedCall, e expectation, served bool) {
	if e.isHopeless(call.budget) {
		t.other.Add(1) // it could not have been answered in time, under any load
		call.operation.addHopeless()
		return
	}
	t.expired.Add(1)
	t.late.Add(1)
	t.lostTime.Add(call.took)
	if served {
		t.served.Add(1)
	}
	call.operation.addExpired(int64(e.callerWait(call.budget)), served)
}

// addUntimed counts an untimed call.
func (t *tally) addUntimed(ctx context.Context, err error) {
	gone := callerGone(ctx)
	if err == nil && !gone {
		t.succeeded.Add(1)
		return
	}
	t.other.Add(1)
	if gone {
		t.wasted.Add(1)
	}
}

// ended is the number of ended calls.
func (t *tally) ended() int64 {
	return t.succeeded.Load() + t.expired.Load() + t.other.Load() + t.shed.Load()
}

func (t *tally) counts() counts {
	return counts{
		succeeded: t.succeeded.Load(),
		timed:     t.timed.Load(),
		spent:     t.spent.Load(),
		baselines: t.baselines.Load(),
		targets:   t.targets.Load(),
		expired:   t.expired.Load(),
		lostTime:  t.lostTime.Load(),
		served:    t.served.Load(),
		late:      t.late.Load(),
		shed:      t.shed.Load(),
		refused:   t.refused.Load(),
	}
}
