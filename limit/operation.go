package limit

import (
	"sync/atomic"

	"github.com/sinew-go/sinew/internal/atomicfloat"
)

// operation is what a limiter knows of one operation. Calls add to its counters and read its
// expectation; an evaluation updates the rest, under the limiter's lock.
type operation struct {
	excepted bool // outside of the limit

	succeeded    atomic.Int64 // of timed calls
	spent        atomic.Int64 // sum over succeeded, ns
	expired      atomic.Int64 // timed calls that ran out of time
	served       atomic.Int64 // of succeeded and expired: successes of the callee, even if too late
	callerWaits  atomic.Int64 // sum over those of how long their callers waited at most, ns
	inFlight     atomic.Int64 // timed calls that can be answered in time
	firsts       firstCalls
	baseline     atomicfloat.Float64 // these three are the expectation
	best         atomicfloat.Float64
	expiredShare atomicfloat.Float64

	// Guarded by the limiter's lock.
	atWindowStart operationCounts
	estimate      estimate
	rate          servedRate
}

// operationCounts are an operation's counters at one moment, or the difference of two.
type operationCounts struct{ succeeded, spent, expired, served, callerWaits int64 }

func (c operationCounts) since(before operationCounts) operationCounts {
	return operationCounts{
		c.succeeded - before.succeeded, c.spent - before.spent, c.expired - before.expired,
		c.served - before.served, c.callerWaits - before.callerWaits,
	}
}

// counts reads served first, so that no call is in it that is not in the others.
func (o *operation) counts() (c operationCounts) {
	c.served = o.served.Load()
	c.succeeded, c.expired = o.succeeded.Load(), o.expired.Load()
	c.spent, c.callerWaits = o.spent.Load(), o.callerWaits.Load()
	return c
}

// expectation is what a call of the operation is compared with.
func (o *operation) expectation() expectation {
	return expectation{o.baseline.Load(), o.best.Load(), o.expiredShare.Load()}
}

// publish copies the estimate to where calls read it.
func (o *operation) publish() {
	e := o.estimate.expectation
	o.baseline.Store(e.baseline)
	o.best.Store(e.best)
	o.expiredShare.Store(e.expiredShare)
}

// addSuccess counts a success whose caller waited for that long at most.
func (o *operation) addSuccess(took, callerWait int64) {
	o.succeeded.Add(1)
	o.spent.Add(took)
	o.callerWaits.Add(callerWait)
	o.served.Add(1)
	o.firsts.add(took)
}

// addExpired counts a call that ran out of time; served says that the callee did its work.
func (o *operation) addExpired(callerWait int64, served bool) {
	o.expired.Add(1)
	o.callerWaits.Add(callerWait)
	if served {
		o.served.Add(1)
	}
}

// addHopeless counts a call that ran out of time, and that tells nothing but that.
func (o *operation) addHopeless() { o.expired.Add(1) }

// backlog compares the calls in flight with what can be served at the rate of a window of
// this length.
func (o *operation) backlog(length int64) backlog {
	d := o.counts().since(o.atWindowStart)
	if d.served == 0 {
		return backlog{}
	}
	callerWait := float64(d.callerWaits) / float64(d.succeeded+d.expired)
	rate := max(float64(d.served)/float64(length), recoverableRate*o.rate.best())
	return backlog{float64(o.inFlight.Load()), callerWait * rate, o.estimate.recentMean * rate}
}

// closeWindow updates the expectation by the calls since the last window. doubtful says
// that their latencies may come from load.
func (o *operation) closeWindow(start, now int64, doubtful bool) {
	before, at := o.atWindowStart, o.counts()
	o.atWindowStart = at
	w := operationWindow{
		operationCounts: at.since(before), before: before, length: now - start,
		doubtful: doubtful, firstMean: o.firsts.mean(),
	}
	o.rate.add(w.served, w.length, now)
	o.estimate.add(w)
	o.publish()
}

// change changes the baseline as the controller decided.
func (o *operation) change(c baselineChange, length int64) {
	switch c.kind {
	case adoptLatency:
		o.estimate.adopt(c.slowdown)
	case approachLatency:
		o.estimate.approach(length)
	case noChange:
		return
	}
	o.publish()
}
