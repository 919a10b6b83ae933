package loadbalance

import (
	"math"
	"sync/atomic"
	"time"
)

// phantomLoad keeps fast refusals and abandoned calls in the count of calls in flight: a
// node that refuses at once, or works for callers who have gone, must not seem idle. Each
// call fades over twice the time that it should have taken. An addition that races with
// another may be lost.
type phantomLoad struct {
	calls     float
	updatedAt atomic.Int64 // ns since the pool was created
	decayTime float        // until calls fall to 1/e, ns
}

// add adds a call that took less than expected, in ns.
func (l *phantomLoad) add(now time.Duration, took, expected float64) {
	if took >= expected || expected <= 0 {
		return
	}
	calls := l.load(now) + 1 - took/expected
	l.decayTime.set(2 * expected)
	l.updatedAt.Store(int64(now))
	l.calls.set(calls)
}

// load is the number of calls.
func (l *phantomLoad) load(now time.Duration) float64 {
	if calls := l.calls.get(); calls != 0 {
		return l.remaining(calls, now)
	}
	return 0
}

func (l *phantomLoad) remaining(calls float64, now time.Duration) float64 {
	since := float64(max(int64(now)-l.updatedAt.Load(), 0)) / l.decayTime.get()
	if calls *= math.Exp(-since); calls < 0.01 {
		return 0
	}
	return calls
}
