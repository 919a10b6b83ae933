package loadbalance

import (
	"math"
	"sync/atomic"
	"time"
)

// linger is the load of calls that were answered sooner than a call usually is,
// and not with success, or whose callers have gone: each goes on to count as in
// flight, less and less, for twice as long as it should have taken. Else whoever
// refuses at once, or works for callers who wait no longer, would seem to be idle. An
// addition that races with another may be lost.
type linger struct {
	calls float
	at    atomic.Int64 // when calls was right
	life  float        // in which calls sink to 1/e, in ns
}

// add notes a call that took so long and should have taken usual.
func (l *linger) add(now time.Duration, took, usual float64) {
	if took >= usual || usual <= 0 {
		return
	}
	calls := l.load(now) + 1 - took/usual
	l.life.set(2 * usual)
	l.at.Store(int64(now))
	l.calls.set(calls)
}

// load is how many calls linger.
func (l *linger) load(now time.Duration) float64 {
	if calls := l.calls.get(); calls != 0 {
		return l.left(calls, now)
	}
	return 0
}

// left is how many of so many calls linger yet.
func (l *linger) left(calls float64, now time.Duration) float64 {
	since := float64(max(int64(now)-l.at.Load(), 0)) / l.life.get()
	if calls *= math.Exp(-since); calls < 0.01 {
		return 0
	}
	return calls
}
