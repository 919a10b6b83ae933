package breaker

import (
	"math"
	"sync"
	"sync/atomic"
)

const (
	// memory is of how many calls the share of failures is taken that a row of failures
	// is compared with. It bounds how long a row can be that opens nothing.
	memory = 200
	// calm: so many calls that succeed one after the other end a time of failures.
	calm = 20
)

// past is the share of failures before the row of now. What opens the circuit, and
// the probes that fail then, count when it is closed again: else a mistake would be
// made again at once.
type past struct {
	share atomic.Uint64 // the bits of a float64; 0 while no row has begun

	mu        sync.Mutex // held for a moment, where a row of failures begins or opens
	good, bad int64      // all calls up to the latest look
	late      memo
	trouble   memo // since it was calm
}

// look takes in what has come since the last look, of so many calls in all.
func (p *past) look(good, bad int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	failures, n := float64(max(bad-p.bad, 0)), float64(max(good-p.good, 0)+max(bad-p.bad, 0))
	p.good, p.bad = good, bad
	if n > 0 {
		p.late.take(n, failures)
		p.trouble.take(n, failures)
	}
	if n-failures >= calm { // since the row before, and so one after the other
		p.trouble = memo{}
	}
	share := p.late.share()
	if p.trouble.seen > 0 {
		share = max(share, p.trouble.share())
	}
	p.share.Store(math.Float64bits(share))
}

// memo is how many of the late calls are remembered, and of these the failures: each
// counts the less the older it is.
type memo struct{ seen, failed float64 }

// take takes in n calls.
func (m *memo) take(n, failures float64) {
	keep := math.Exp(-n / memory)
	late := memory * (1 - keep)
	m.seen, m.failed = m.seen*keep+late, m.failed*keep+late*failures/n
}

// share is that of the failures.
func (m *memo) share() float64 { return (m.failed + 1) / (m.seen + 2) }

// forget drops what was before a row of failures that has opened the circuit, when
// there have been so many calls in all.
func (p *past) forget(good, bad, row int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late, p.trouble, p.good, p.bad = memo{}, memo{}, good, bad-row
}

// chance is how likely so many failures in a row were.
func (p *past) chance(row int64) float64 {
	return math.Pow(math.Float64frombits(p.share.Load()), float64(row))
}
