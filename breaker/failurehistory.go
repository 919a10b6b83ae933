package breaker

import (
	"math"
	"sync"
	"sync/atomic"
)

const (
	// memoryCalls is over how many calls the share of failures before a row is taken. It
	// bounds the length of a row that does not open.
	memoryCalls = 200
	// calmCalls is how many successes in a row end a time of failures.
	calmCalls = 20
)

// failureHistory is the share of failures before the current row. The row that opened the
// circuit, and the probes that failed then, count when it is closed again: otherwise the
// same mistake would follow at once.
type failureHistory struct {
	shareBits atomic.Uint64 // float64 bits; 0 before the first row

	mu                sync.Mutex // locked for a moment when a row of failures starts or opens the circuit
	seenGood, seenBad int64      // all calls up to the last update
	recent            fadingCounts
	sinceCalm         fadingCounts // since the last calmCalls
}

// update adds the calls since the last update; good and bad are totals.
func (h *failureHistory) update(good, bad int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	failures, n := float64(max(bad-h.seenBad, 0)), float64(max(good-h.seenGood, 0)+max(bad-h.seenBad, 0))
	h.seenGood, h.seenBad = good, bad
	if n > 0 {
		h.recent.add(n, failures)
		h.sinceCalm.add(n, failures)
	}
	if n-failures >= calmCalls { // since the row before, and so in a row
		h.sinceCalm = fadingCounts{}
	}
	share := h.recent.share()
	if h.sinceCalm.calls > 0 {
		share = max(share, h.sinceCalm.share())
	}
	h.shareBits.Store(math.Float64bits(share))
}

// fadingCounts is a number of calls and of failures in which older calls count less.
type fadingCounts struct{ calls, failed float64 }

func (f *fadingCounts) add(n, failures float64) {
	weight := math.Exp(-n / memoryCalls)
	added := memoryCalls * (1 - weight)
	f.calls, f.failed = f.calls*weight+added, f.failed*weight+added*failures/n
}

// share is the share of failures.
func (f *fadingCounts) share() float64 { return (f.failed + 1) / (f.calls + 2) }

// reset drops what was before the row of failures that opened the circuit; good and bad are
// totals.
func (h *failureHistory) reset(good, bad, row int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.recent, h.sinceCalm, h.seenGood, h.seenBad = fadingCounts{}, fadingCounts{}, good, bad-row
}

// chance is the probability of so many failures in a row.
func (h *failureHistory) chance(row int64) float64 {
	return math.Pow(math.Float64frombits(h.shareBits.Load()), float64(row))
}
