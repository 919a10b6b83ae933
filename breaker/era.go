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
	state State
	until int64 // of an open circuit: when it admits probes

	window  atomic.Pointer[window.Window]
	row     atomic.Int64 // failures in a row
	doubts  atomic.Bool  // the window may hold a failure or a slow call
	refused atomic.Pointer[refused]
}

// refused is a refusal that is used again until a moment: the wait that it tells
// of is at most a hundredth too long until then.
type refused struct {
	err   error
	until int64
}

func newEra(s State, until int64, w *window.Window) *era {
	e := &era{state: s, until: until}
	e.window.Store(w)
	return e
}

// count takes in a result of a closed circuit, and reports whether it opens it.
func (e *era) count(now int64, took time.Duration, outcome fault.Outcome, p *Policy) (opens bool) {
	failed, slow := outcome == fault.Failure, took >= p.SlowCall
	w := e.window.Load()
	w.Add(now, calls)
	row := int64(0)
	switch {
	case failed:
		w.Add(now, failures)
		row = e.row.Add(1)
	case e.row.Load() != 0:
		e.row.Store(0)
	}
	if slow {
		w.Add(now, slowCalls)
	}
	if failed || slow {
		e.doubts.Store(true)
	}
	switch {
	case p.Disabled:
		return false
	case p.FailureThreshold > 0:
		return row >= int64(p.FailureThreshold)
	case failed || slow || e.doubts.Load():
		return e.bad(w, now, p)
	default: // a good call among good calls
		return false
	}
}

// bad says that too many of the calls in the window failed or were slow.
func (e *era) bad(w *window.Window, now int64, p *Policy) bool {
	in := w.Sum(now)
	if in[failures]+in[slowCalls] == 0 {
		e.doubts.Store(false)
		in = w.Sum(now) // one that came meanwhile must not be forgotten
		e.doubts.CompareAndSwap(false, in[failures]+in[slowCalls] > 0)
	}
	reached := func(percent, n int) bool { return n > 0 && 100*n >= percent*in[calls] }
	return in[calls] >= p.MinCalls && (reached(p.FailurePercent, in[failures]) || reached(p.SlowPercent, in[slowCalls]))
}

// refuse is the refusal of an open circuit at now.
func (e *era) refuse(name string, now int64) error {
	if r := e.refused.Load(); r != nil && now < r.until {
		return r.err
	}
	left := e.until - now
	err := refusal(name, e.state, time.Duration(left))
	e.refused.Store(&refused{err, now + left/100})
	return err
}

func refusal(name string, s State, wait time.Duration) error {
	return fault.Unavailable.Errorf("the breaker of %s is %s; next try in %s", name, s, max(wait.Round(time.Millisecond), time.Millisecond)).
		WithReason("breaker_open").WithRetryAfter(wait).WithUnprocessed()
}
