package loadbalance

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/internal/atomicfloat"
)

// phantomLoad keeps fast refusals and abandoned calls in the count of calls in flight: a
// node that refuses at once, or works for callers who have gone, must not seem idle. Each
// call fades over twice the time that it should have taken. An addition that races with
// another may be lost.
type phantomLoad struct {
	calls     atomicfloat.Float64
	updatedAt atomic.Int64        // ns since the pool was created
	decayTime atomicfloat.Float64 // until calls fall to 1/e, ns
}

// add adds a call that took less than expected, in ns.
func (p *phantomLoad) add(now time.Duration, took, expected float64) {
	if took >= expected || expected <= 0 {
		return
	}
	calls := p.load(now) + 1 - took/expected
	p.decayTime.Store(2 * expected)
	p.updatedAt.Store(int64(now))
	p.calls.Store(calls)
}

// load is the number of calls.
func (p *phantomLoad) load(now time.Duration) float64 {
	if calls := p.calls.Load(); calls != 0 {
		return p.remaining(calls, now)
	}
	return 0
}

func (p *phantomLoad) remaining(calls float64, now time.Duration) float64 {
	since := float64(max(int64(now)-p.updatedAt.Load(), 0)) / p.decayTime.Load()
	if calls *= math.Exp(-since); calls < 0.01 {
		return 0
	}
	return calls
}
