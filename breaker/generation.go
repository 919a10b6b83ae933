package breaker

import (
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/window"
)

// What a circuit's window counts.
const (
	calls = iota
	failures
	slowCalls
)

// era is the time between two changes of state. Times are in ns since the
// circuit was made.
type era struct {
	circuit *Circuit
	closed  bool
	state   State
	until   int64 // of an open circuit: when it admits probes

	window  atomic.Pointer[window.Window]
	row     atomic.Int64 // failures in a row
	rowFrom atomic.Int64 // when the first of them came, forever while there is none
	doubts  atomic.Bool  // the window may hold a failure or a slow call
	well    atomic.Int64 // the slot in which a good call need not look at the window
	forced  atomic.Bool  // by hand
	full    atomic.Int64 // while half-open: until when all probes are lent
	refused atomic.Pointer[refused]
}

// refused is a refusal that is used again until a moment: the wait that it tells
// of is at most a hundredth too long until then.
type refused struct {
	err   error
	until int64
}

func newEra(c *Circuit, s State, until int64, w *window.Window) *era {
	e := &era{circuit: c, closed: s == Closed, state: s, until: until}
	e.window.Store(w)
	e.well.Store(-1)
	e.rowFrom.Store(forever)
	return e
}

// shows is the state at now: an open circuit whose time is over admits probes.
func (e *era) shows(now int64) State {
	if e.state == Open && now >= e.until {
		return HalfOpen
	}
	return e.state
}

// count takes in a result of a closed circuit that goes by percentages, and
// reports whether it opens it.
func (e *era) count(now int64, failed, slow bool, p *Policy) (opens bool) {
	w := e.window.Load()
	w.Add(now, calls)
	row := e.inRow(now, failed)
	if failed {
		w.Add(now, failures)
	}
	if slow {
		w.Add(now, slowCalls)
	}
	switch {
	case failed || slow:
		e.doubts.Store(true)
	case !e.doubts.Load() || e.well.Load() == w.Slot(now):
		return false // a good call among good calls, or in a window that is well without it
	}
	if p.Disabled || e.forced.Load() {
		return false
	}
	return e.nothingPasses(now, row, p) || p.FailurePercent+p.SlowPercent > 0 && e.bad(w, now, p)
}

const (
	// lasting: failures of one moment say nothing of the next one.
	lasting = int64(250 * time.Millisecond)
	// chance is how likely a row of failures is at most that is taken for more than
	// bad luck.
	chance = 1e-6
)

// nothingPasses says that so many calls in a row have failed that it is no chance,
// going by the share that had failed before them.
func (e *era) nothingPasses(now, row int64, p *Policy) bool {
	return row >= int64(p.MinCalls) && now-e.rowFrom.Load() >= lasting && e.circuit.past.chance(row) <= chance
}

// inRow takes in a result, and is how many in a row have failed.
func (e *era) inRow(now int64, failed bool) int64 {
	if failed {
		row := e.row.Add(1)
		if row == 1 {
			t := &e.circuit.tally
			e.circuit.past.look(t.succeeded.Sum(), t.failed.Load()-1) // without this one
			e.rowFrom.Store(now)
		}
		return row
	}
	if e.row.Load() != 0 {
		e.rowFrom.Store(forever)
		e.row.Store(0)
	}
	return 0
}

// bad says that too many of the calls in the window failed or were slow.
func (e *era) bad(w *window.Window, now int64, p *Policy) bool {
	in := w.Sum(now)
	if in[failures]+in[slowCalls] == 0 {
		e.doubts.Store(false)
		in = w.Sum(now) // one that came meanwhile must not be forgotten
		e.doubts.CompareAndSwap(false, in[failures]+in[slowCalls] > 0)
	}
	if in[calls] < p.MinCalls {
		return false
	}
	reached := func(percent, n int) bool { return percent > 0 && n > 0 && 100*n >= percent*in[calls] }
	if reached(p.FailurePercent, in[failures]) || reached(p.SlowPercent, in[slowCalls]) {
		return true
	}
	e.well.Store(w.Slot(now)) // more good calls in it only lower the shares
	return false
}

// refuse is the refusal at now of a circuit that is not closed, which admits
// probes again at until.
func (e *era) refuse(now, until int64, p *Policy) error {
	if r := e.refused.Load(); r != nil && now < r.until {
		return r.err
	}
	left := time.Duration(until - now)
	if e.forced.Load() {
		left = p.MaxTimeout
	}
	left = max(left, 1)
	err := e.refusal(left)
	e.refused.Store(&refused{err, now + int64(left)/100})
	return err
}

func (e *era) refusal(wait time.Duration) error {
	name := e.circuit.name
	if e.forced.Load() {
		return fault.Unavailable.Errorf("the breaker of %s is held open by hand, until it is released", name).
			WithReason("breaker_open").WithRetryAfter(wait).WithUnprocessed()
	}
	return fault.Unavailable.Errorf("the breaker of %s is %s; next try in %s", name, e.state, max(wait.Round(time.Millisecond), time.Millisecond)).
		WithReason("breaker_open").WithRetryAfter(wait).WithUnprocessed()
}
