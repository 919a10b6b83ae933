package breaker_test

import (
	"math"
	"time"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
)

// reference is a slow and obvious model of a documented circuit: it has every result and
// counts all of them each time.
type reference struct {
	p     breaker.Policy
	begun time.Time

	state          breaker.State
	forced         bool
	until          time.Duration
	untilUnknown   bool // the circuit has just opened, for a random time
	generation     int
	results        []result
	row            int
	rowFrom        time.Duration
	rowStarts      [][2]int      // good and bad calls when each row started
	opened         [2]int        // good and bad calls, without the row that opened it last
	share          float64       // of failures before the row
	failingSince   time.Duration // since when no call has succeeded
	successes      int
	unsureFailures int  // failures of probes until it opens again
	answered       bool // the callee answered the latest failure
	leases         map[int]time.Duration
	permits        int
	changes        []breaker.Change

	good, bad, ignored int
	meanLatency        time.Duration
	timed              int
	sampled            time.Duration
}

type result struct {
	at           time.Duration
	failed, slow bool
}

type permitted struct {
	id, generation int
	start          time.Duration
}

func newReference(p breaker.Policy) *reference {
	return &reference{p: p, begun: time.Now(), state: breaker.Closed, leases: map[int]time.Duration{}, sampled: -time.Millisecond}
}

func (r *reference) now() time.Duration { return time.Since(r.begun) }

func (r *reference) stateNow() breaker.State {
	if r.state == breaker.Open && !r.forced && r.now() >= r.until {
		return breaker.HalfOpen
	}
	return r.state
}

func (r *reference) enter(to breaker.State, forced bool) {
	r.changes = append(r.changes, breaker.Change{Name: "orders", From: r.state, To: to, Forced: forced, At: time.Now()})
	r.state, r.forced = to, forced
	r.generation++
	r.successes, r.row = 0, 0
	if to == breaker.Closed {
		r.results = nil
	}
}

func (r *reference) open() {
	if r.state == breaker.Closed {
		r.failingSince = r.now()
		r.rowStarts, r.opened = nil, [2]int{r.good, r.bad - r.row}
		if r.row > 0 {
			r.failingSince = r.rowFrom
		}
		if r.unsureFailures = 0; r.answered && r.p.FailureThreshold+r.p.FailurePercent+r.p.SlowPercent == 0 && r.row >= r.p.MinCalls {
			r.unsureFailures = 8*r.p.MinCalls - r.row
		}
	}
	r.enter(breaker.Open, false)
	r.untilUnknown = true
}

// pause is the shortest and the longest time that it may stay open.
func (r *reference) pause() (least, most time.Duration) {
	most = min(max((r.now()-r.failingSince)/24, r.p.Timeout), r.p.MaxTimeout)
	return max(most-most/4, r.p.Timeout), most
}

func (r *reference) allow() (permitted, bool) {
	r.catchUp()
	p := permitted{r.permits, r.generation, r.now()}
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
		if under >= max(r.p.MaxRequests, min(r.unsureFailures, 3)) {
			return p, false
		}
		r.leases[p.id] = r.now() + r.p.ProbeLease
	}
	r.permits++
	return p, true
}

func (r *reference) done(p permitted, outcome fault.Outcome, expired, answered bool) {
	r.answered = answered
	took := r.now() - p.start
	longer := 100 * time.Millisecond
	if r.timed > 0 {
		longer = max(3*r.meanLatency, time.Millisecond)
	}
	if expired && (r.slow(took) || took >= longer) {
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
	if p.generation != r.generation {
		delete(r.leases, p.id)
		return
	}
	if r.state == breaker.Closed && outcome != fault.Ignored {
		r.count(outcome == fault.Failure, r.slow(took))
	}
	if r.state == breaker.HalfOpen {
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
	r.meanLatency += time.Duration(float64(took-r.meanLatency) * weight)
}

func (r *reference) slow(took time.Duration) bool { return r.p.SlowCall > 0 && took >= r.p.SlowCall }

func (r *reference) count(failed, slow bool) {
	if r.row++; r.row == 1 {
		r.rowFrom = r.now()
	}
	if failed && r.row == 1 {
		r.share = r.shareBefore()
	}
	if !failed {
		r.row = 0
	}
	open := r.p.FailureThreshold > 0 && r.row >= r.p.FailureThreshold
	if r.p.FailureThreshold == 0 {
		r.results = append(r.results, result{r.now(), failed, slow})
		calls, failures, slows := r.inWindow()
		reached := func(percent, n int) bool { return percent > 0 && n > 0 && 100*n >= percent*calls }
		open = r.nothingSucceeds() || calls >= r.p.MinCalls && (reached(r.p.FailurePercent, failures) || reached(r.p.SlowPercent, slows))
	}
	if open && !r.p.Disabled && !r.forced {
		r.open()
	}
}

// shareBefore is the recent share of failures. Older calls count less; calls between the
// starts of two rows count equally.
func (r *reference) shareBefore() float64 {
	const memory = 200
	r.rowStarts = append(r.rowStarts, [2]int{r.good, r.bad - 1})
	fade := func(starts [][2]int, last [2]int) (seen, failed float64) {
		for _, start := range starts {
			good, bad := float64(start[0]-last[0]), float64(start[1]-last[1])
			weight := math.Exp(-(good + bad) / memory)
			seen, failed = seen*weight, failed*weight
			if good+bad > 0 {
				seen, failed = seen+memory*(1-weight), failed+memory*(1-weight)*bad/(good+bad)
			}
			last = start
		}
		return seen, failed
	}
	seen, failed := fade(r.rowStarts, r.opened)
	share := (failed + 1) / (seen + 2)
	since, last := 0, r.opened
	for i, start := range r.rowStarts {
		if start[0]-last[0] >= 20 { // that many succeeded in a row
			since = i + 1
		}
		last = start
	}
	from := r.opened
	if since > 0 {
		from = r.rowStarts[since-1]
	}
	if seen, failed = fade(r.rowStarts[since:], from); seen > 0 {
		share = max(share, (failed+1)/(seen+2))
	}
	return share
}

// nothingSucceeds says that a row is long, lasts, and is no chance.
func (r *reference) nothingSucceeds() bool {
	return r.row > 0 && r.row >= r.p.MinCalls && r.now()-r.rowFrom >= 250*time.Millisecond && math.Pow(r.share, float64(r.row)) <= 1e-6
}

// inWindow counts the results in the window, which moves in tenths of its length.
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
		return // expired
	}
	delete(r.leases, p.id)
	switch {
	case outcome == fault.Ignored:
	case (outcome == fault.Failure || r.slow(took)) && r.answered && r.unsureFailures > 0:
		r.unsureFailures--
		r.successes = 0
	case outcome == fault.Failure || r.slow(took):
		r.unsureFailures = 0
		r.open()
	default:
		if r.successes++; r.successes >= r.p.SuccessThreshold {
			r.enter(breaker.Closed, false)
		}
	}
}

func (r *reference) set(p breaker.Policy) {
	if p.Window != r.p.Window {
		kept := r.results[:0]
		tenth, next := r.p.Window/10, p.Window/10
		oldest := (r.now()/next - 9) * next
		for _, one := range r.results {
			if one.at/tenth > r.now()/tenth-10 {
				first, last := one.at/tenth*tenth, min((one.at/tenth+1)*tenth-1, r.now())
				if one.at/tenth == r.now()/tenth {
					first = max(first, oldest)
				}
				if one.at = first + (last-first)/2; one.at >= oldest {
					kept = append(kept, one)
				}
			}
		}
		r.results = kept
	}
	r.p = p
	if p.Disabled && r.state != breaker.Closed && !r.forced {
		r.catchUp()
		r.enter(breaker.Closed, false)
	}
}

// catchUp becomes half-open if that is the state shown.
func (r *reference) catchUp() {
	if r.state == breaker.Open && r.stateNow() == breaker.HalfOpen {
		r.enter(breaker.HalfOpen, false)
	}
}

func (r *reference) force(to breaker.State) {
	r.catchUp()
	switch {
	case r.state == to && r.forced:
	case r.state == to && to == breaker.Closed:
		r.forced = true
		r.changes = append(r.changes, breaker.Change{Name: "orders", From: to, To: to, Forced: true, At: time.Now()})
	default:
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
		r.failingSince, r.unsureFailures = r.now(), 0
		r.enter(breaker.HalfOpen, false)
	}
}
