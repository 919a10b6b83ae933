package limit

import "sync/atomic"

// firstCalls are the first successes of an operation, from which its first baseline comes.
type firstCalls struct {
	count         atomic.Int64
	spent         atomic.Int64 // sum over firstSuccesses, ns
	earliestSpent atomic.Int64 // sum over earliestSuccesses, ns
}

func (f *firstCalls) add(took int64) {
	if f.count.Load() >= firstSuccesses {
		return
	}
	n := f.count.Add(1)
	if n <= firstSuccesses {
		f.spent.Add(took)
	}
	if n <= earliestSuccesses {
		f.earliestSpent.Add(took)
	}
}

// mean is how long the first successes took, in ns, and at least 1. If the later ones took
// much longer there was a queue already, and the earliest decide.
func (f *firstCalls) mean() float64 {
	n := float64(max(min(f.count.Load(), firstSuccesses), 1))
	all := float64(f.spent.Load()) / n
	earliest := float64(f.earliestSpent.Load()) / min(n, earliestSuccesses)
	return max(min(all, queuedFirsts*earliest), 1)
}
