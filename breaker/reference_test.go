package breaker_test

import (
	"time"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
)

// reference is a circuit as the documentation has it, slow and obvious: it keeps
// every result, and looks at all of them each time.
type reference struct {
	p     breaker.Policy
	begun time.Time

	state    breaker.State
	forced   bool
	until    time.Duration
	unknown  bool // until is: the circuit has just opened, for a time that is drawn
	era      int
	results  []result
	row      int
	reopened int
	passed   int
	leases   map[int]time.Duration
	permits  int
	changes  []breaker.Change

	good, bad, ignored int
	usual              time.Duration
	timed              int
	sampled            time.Duration
}

type result struct {
	at           time.Duration
	failed, slow bool
}

type permitted struct {
	id, era int
	start   time.Duration
}

func newReference(p breaker.Policy) *reference {
	return &reference{p: p, begun: time.Now(), state: breaker.Closed, leases: map[int]time.Duration{}, sampled: -time.Millisecond}
}

func (r *reference) now() time.Duration { return time.Since(r.begun) }

func (r *reference) shows() breaker.State {
	if r.state == breaker.Open && !r.forced && r.now() >= r.until {
		return breaker.HalfOpen
	}
	return r.state
}

func (r *reference) enter(to breaker.State, forced bool) {
	r.changes = append(r.changes, breaker.Change{Name: "orders", From: r.state, To: to, Forced: forced, At: time.Now()})
	r.state, r.forced = to, forced
	r.era++
	r.passed, r.row = 0, 0
	r.leases = map[int]time.Duration{}
	if to == breaker.Closed {
		r.results = nil
	}
}

func (r *reference) open() {
	r.enter(breaker.Open, false)
	r.unknown = true
}

// pause is the least and the longest that it may now stay open.
func (r *reference) pause() (least, most time.Duration) {
	most = r.p.Timeout
	for range r.reopened {
		most = min(2*most, r.p.MaxTimeout)
	}
	return max(most-most/4, r.p.Timeout), most
}

func (r *reference) allow() (permitted, bool) {
	if r.state == breaker.Open && r.shows() == breaker.HalfOpen {
		r.enter(breaker.HalfOpen, false)
	}
	p := permitted{r.permits, r.era, r.now()}
	switch r.state {
	case breaker.Open:
		return p, false
	case breaker.HalfOpen:
		under := 0
		for _, until := range r.leases {
			if until > r.now() {
				under++
			}
		}
		if under >= r.p.MaxRequests {
			return p, false
		}
		r.leases[p.id] = r.now() + r.p.ProbeLease
	}
	r.permits++
	return p, true
}

func (r *reference) done(p permitted, outcome fault.Outcome, expired bool) {
	if p.era != r.era {
		return
	}
	took := r.now() - p.start
	longer := 100 * time.Millisecond
	if r.timed > 0 {
		longer = max(3*r.usual, time.Millisecond)
	}
	if expired && (took >= r.p.SlowCall || took >= longer) {
		outcome = fault.Failure
	}
	switch outcome {
	case fault.Success:
		r.good++
		r.sample(took)
	case fault.Failure:
		r.bad++
	case fault.Ignored:
		r.ignored++
	}
	if r.state == breaker.Closed && outcome != fault.Ignored {
		r.count(outcome == fault.Failure, took >= r.p.SlowCall)
	}
	if r.state == breaker.HalfOpen && p.era == r.era {
		r.probed(p, outcome, took)
	}
}

func (r *reference) sample(took time.Duration) {
	since := r.now() - r.sampled
	if since < time.Millisecond {
		return
	}
	r.sampled = r.now()
	r.timed++
	weight := max(1/float64(r.timed), min(float64(since)/float64(r.p.Window), 0.25))
	r.usual += time.Duration(float64(took-r.usual) * weight)
}

func (r *reference) count(failed, slow bool) {
	r.row++
	if !failed {
		r.row = 0
	}
	open := r.p.FailureThreshold > 0 && r.row >= r.p.FailureThreshold
	if r.p.FailureThreshold == 0 {
		r.results = append(r.results, result{r.now(), failed, slow})
		calls, failures, slows := r.inWindow()
		open = r.row >= r.p.MinCalls || calls >= r.p.MinCalls &&
			(failures > 0 && 100*failures >= r.p.FailurePercent*calls || slows > 0 && 100*slows >= r.p.SlowPercent*calls)
	}
	if open && !r.p.Disabled && !r.forced {
		r.open()
	}
}

// inWindow counts what is in the window, which moves in tenths of its length.
func (r *reference) inWindow() (calls, failures, slows int) {
	tenth := r.p.Window / 10
	for _, one := range r.results {
		if one.at/tenth <= r.now()/tenth-10 {
			continue
		}
		calls++
		if one.failed {
			failures++
		}
		if one.slow {
			slows++
		}
	}
	return calls, failures, slows
}

func (r *reference) probed(p permitted, outcome fault.Outcome, took time.Duration) {
	if r.leases[p.id] <= r.now() {
		return // lapsed
	}
	delete(r.leases, p.id)
	switch {
	case outcome == fault.Ignored:
	case outcome == fault.Failure || took >= r.p.SlowCall:
		r.reopened++
		r.open()
	default:
		if r.passed++; r.passed >= r.p.SuccessThreshold {
			r.reopened = 0
			r.enter(breaker.Closed, false)
		}
	}
}

func (r *reference) set(p breaker.Policy) {
	if p.Window != r.p.Window {
		kept := r.results[:0]
		tenth := r.p.Window / 10
		for _, one := range r.results {
			if one.at/tenth > r.now()/tenth-10 {
				one.at = r.now()
				kept = append(kept, one)
			}
		}
		r.results = kept
	}
	r.p = p
	if p.Disabled && r.state != breaker.Closed && !r.forced {
		r.enter(breaker.Closed, false)
	}
}

func (r *reference) force(to breaker.State) {
	switch {
	case r.state == to && r.forced:
	case r.state == to && to == breaker.Closed:
		r.forced = true
		r.changes = append(r.changes, breaker.Change{Name: "orders", From: to, To: to, Forced: true, At: time.Now()})
	default:
		r.reopened = 0
		r.enter(to, true)
	}
}

func (r *reference) release() {
	switch {
	case !r.forced:
	case r.state == breaker.Closed:
		r.forced = false
		r.changes = append(r.changes, breaker.Change{Name: "orders", From: breaker.Closed, To: breaker.Closed, At: time.Now()})
	case r.p.Disabled:
		r.enter(breaker.Closed, false)
	default:
		r.enter(breaker.HalfOpen, false)
	}
}
