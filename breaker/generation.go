package breaker

import (
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/window"
)

// Counters of a circuit's window.
const (
	calls = iota
	failures
	slowCalls
)

// generation is the period between two changes of state. Times are ns since the circuit
// was created.
type generation struct {
	circuit *Circuit
	closed  bool
	state   State
	until   int64 // when an open circuit admits probes

	window      atomic.Pointer[window.Window]
	row         atomic.Int64 // failures in a row
	rowStart    atomic.Int64 // when the first of them ended, maxTime while there is none
	mayHaveBad  atomic.Bool  // the window may have a failure or a slow call
	cleanSlot   atomic.Int64 // in this slot of the window a good call cannot open the circuit
	forced      atomic.Bool
	fullUntil   atomic.Int64 // while half-open: all leases are in use until then
	lastRefusal atomic.Pointer[cachedRefusal]
}

// cachedRefusal is reused until a moment: its RetryAfter is at most a hundredth too long
// until then.
type cachedRefusal struct {
	err   error
	until int64
}

func newGeneration(c *Circuit, s State, until int64, w *window.Window) *generation {
	gen := &generation{circuit: c, closed: s == Closed, state: s, until: until}
	gen.window.Store(w)
	gen.cleanSlot.Store(-1)
	gen.rowStart.Store(maxTime)
	return gen
}

// stateAt shows an open circuit whose time is over as half-open.
func (gen *generation) stateAt(now int64) State {
	if gen.state == Open && now >= gen.until {
		return HalfOpen
	}
	return gen.state
}

// add counts a result of a closed circuit without a FailureThreshold, and says whether it
// opens the circuit.
func (gen *generation) add(now int64, failed, slow bool, p *Policy) (opens bool) {
	w := gen.window.Load()
	w.Add(now, calls)
	row := gen.addToRow(now, failed)
	if failed {
		w.Add(now, failures)
	}
	if slow {
		w.Add(now, slowCalls)
	}
	switch {
	case failed || slow:
		gen.mayHaveBad.Store(true)
	case !gen.mayHaveBad.Load() || gen.cleanSlot.Load() == w.Slot(now):
		return false // no bad calls in the window, or too few in this slot already
	}
	if p.Disabled || gen.forced.Load() {
		return false
	}
	return gen.nothingSucceeds(now, row, p) || p.FailurePercent+p.SlowPercent > 0 && gen.exceedsPercent(w, now, p)
}

const (
	// minRowTime: failures in one moment do not show that later calls fail.
	minRowTime = int64(250 * time.Millisecond)
	// maxChance is the highest probability of a row of failures that opens.
	maxChance = 1e-6
)

// nothingSucceeds says that a row of failures is too long to be chance, at the share of
// failures before it.
func (gen *generation) nothingSucceeds(now, row int64, p *Policy) bool {
	return row >= int64(p.MinCalls) && now-gen.rowStart.Load() >= minRowTime && gen.circuit.history.chance(row) <= maxChance
}

// addToRow counts a result and returns how many in a row have failed.
func (gen *generation) addToRow(now int64, failed bool) int64 {
	if failed {
		row := gen.row.Add(1)
		if row == 1 {
			t := &gen.circuit.tally
			gen.circuit.history.update(t.succeeded.Sum(), t.failed.Load()-1) // without the current failure
			gen.rowStart.Store(now)
		}
		return row
	}
	if gen.row.Load() != 0 {
		gen.rowStart.Store(maxTime)
		gen.row.Store(0)
	}
	return 0
}

// exceedsPercent says that too many of the calls in the window failed or were slow.
func (gen *generation) exceedsPercent(w *window.Window, now int64, p *Policy) bool {
	in := w.Sum(now)
	if in[failures]+in[slowCalls] == 0 {
		gen.mayHaveBad.Store(false)
		in = w.Sum(now) // a bad call may have been added meanwhile
		gen.mayHaveBad.CompareAndSwap(false, in[failures]+in[slowCalls] > 0)
	}
	if in[calls] < p.MinCalls {
		return false
	}
	reached := func(percent, n int) bool { return percent > 0 && n > 0 && 100*n >= percent*in[calls] }
	if reached(p.FailurePercent, in[failures]) || reached(p.SlowPercent, in[slowCalls]) {
		return true
	}
	gen.cleanSlot.Store(w.Slot(now)) // more good calls in it only lower the shares
	return false
}

// refuse returns the refusal of a circuit that admits probes again at until.
func (gen *generation) refuse(now, until int64, p *Policy) error {
	if r := gen.lastRefusal.Load(); r != nil && now < r.until {
		return r.err
	}
	left := time.Duration(until - now)
	if gen.forced.Load() {
		left = p.MaxTimeout
	}
	left = max(left, 1)
	err := gen.refusal(left)
	gen.lastRefusal.Store(&cachedRefusal{err, now + int64(left)/100})
	return err
}

func (gen *generation) refusal(wait time.Duration) error {
	name := gen.circuit.name
	if gen.forced.Load() {
		return fault.Unavailable.Errorf("the breaker of %s is held open by hand, until it is released", name).
			WithReason(fault.ReasonBreakerOpen).WithRetryAfter(wait).WithUnprocessed()
	}
	return fault.Unavailable.Errorf("the breaker of %s is %s; next try in %s", name, gen.state, max(wait.Round(time.Millisecond), time.Millisecond)).
		WithReason(fault.ReasonBreakerOpen).WithRetryAfter(wait).WithUnprocessed()
}
