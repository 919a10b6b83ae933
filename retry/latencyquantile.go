package retry

import (
	"math"
	"sync/atomic"
	"time"
)

// minSamples is how many attempts a latencyQuantile needs before its value is known.
const minSamples = 100

// latencyQuantile estimates how long all but a share of the attempts take. It rises a step
// with each longer attempt, and falls with each other by so much less that it stays where
// just that share is longer (Robbins and Monro, 1951). The steps are ratios, and shrink
// with the number of attempts. It is safe for concurrent use.
type latencyQuantile struct {
	count   atomic.Uint64
	logBits atomic.Uint64 // float64 bits of the logarithm of ns
}

// add adds an attempt. share is between 0 and 1.
func (q *latencyQuantile) add(took time.Duration, share float64) {
	x := math.Log(float64(max(took, 1)))
	n := q.count.Add(1)
	if n == 1 {
		q.logBits.Store(math.Float64bits(x))
		return
	}
	step := max(0.05, 10/float64(n+10))
	for {
		was := q.logBits.Load()
		is := math.Float64frombits(was)
		if x > is {
			is += step * (1 - share)
		} else {
			is -= step * share
		}
		if q.logBits.CompareAndSwap(was, math.Float64bits(is)) {
			return
		}
	}
}

// get returns how long all but the share take, and whether that is known.
func (q *latencyQuantile) get() (d time.Duration, known bool) {
	if q.count.Load() < minSamples {
		return 0, false
	}
	return time.Duration(math.Exp(math.Float64frombits(q.logBits.Load()))), true
}
