package retry

import (
	"math"
	"sync/atomic"
	"time"
)

// learned is how many attempts a tail must have seen before it is believed.
const learned = 100

// tail finds how long all but a share of the attempts take: it goes up a step
// with each that took longer, and down with each other by so much less that it
// stays where just that share is longer (Robbins and Monro, 1951). The steps are
// of ratio, and get smaller as it learns. It is safe for concurrent use.
type tail struct {
	seen atomic.Uint64
	log  atomic.Uint64 // bits of the logarithm of ns
}

// add learns from an attempt. share is between 0 and 1.
func (t *tail) add(took time.Duration, share float64) {
	x := math.Log(float64(max(took, 1)))
	n := t.seen.Add(1)
	if n == 1 {
		t.log.Store(math.Float64bits(x))
		return
	}
	step := max(0.05, 10/float64(n+10))
	for {
		was := t.log.Load()
		is := math.Float64frombits(was)
		if x > is {
			is += step * (1 - share)
		} else {
			is -= step * share
		}
		if t.log.CompareAndSwap(was, math.Float64bits(is)) {
			return
		}
	}
}

// wait is how long all but the share take, and whether that is known.
func (t *tail) wait() (d time.Duration, known bool) {
	if t.seen.Load() < learned {
		return 0, false
	}
	return time.Duration(math.Exp(math.Float64frombits(t.log.Load()))), true
}
