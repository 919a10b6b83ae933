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
type failureHistory struct { // float64 bits; 0 before the first row
	shareBits atomic.Uint64 // the bits of a float64; 0 while no row has begun

	mu                sync.Mutex // locked for a moment when a row of failures starts or opens the circuit
	seenGood, seenBad int64      // all calls up to the last update
	recent            fadingCounts
	sinceCalm         fadingCounts // since the last calmCalls
}

// update adds the calls since the last update; good and bad are totals.
func (p *failureHistory) update(good, bad int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	failures, n := float64(max(bad-p.seenBad, 0)), float64(max(good-p.seenGood, 0)+max(bad-p.seenBad, 0))
	p.seenGood, p.seenBad = good, bad
	if n > 0 {
		p.recent.add(n, failures)
		p.sinceCalm.add(n, failures)
	}
	if n-failures >= calmCalls { // since the row before, and so in a row
		p.sinceCalm = fadingCounts{}
	}
	share := p.recent.share()
	if p.sinceCalm.calls > 0 {
		share = max(share, p.sinceCalm.share())
	}
	p.shareBits.Store(math.Float64bits(share))
}

// fadingCounts is a number of calls and of failures in which older calls count less.
type fadingCounts struct{ calls, failed float64 }

func (m *fadingCounts) add(n, failures float64) {
	weight := math.Exp(-n / memoryCalls)
	added := memoryCalls * (1 - weight)
	m.calls, m.failed = m.calls*weight+added, m.failed*weight+added*failures/n
}

// share is the share of failures.
func (m *fadingCounts) share() float64 { return (m.failed + 1) / (m.calls + 2) }

// reset drops what was before the row of failures that opened the circuit; good and bad are
// totals.
func (p *failureHistory) reset(good, bad, row int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recent, p.sinceCalm, p.seenGood, p.seenBad = fadingCounts{}, fadingCounts{}, good, bad-row
}

// chance is the probability of so many failures in a row.
func (p *failureHistory) chance(row int64) float64 {
	return math.Pow(math.Float64frombits(p.shareBits.Load()), float64(row))
}
