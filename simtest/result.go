package simtest

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"time"
)

// Result is what became of a run. Its methods take a window of the run, its
// start and end; without one they are about the whole run. Counts are exact to a
// tenth of a second.
type Result struct {
	name     string
	world    World
	requests []request // by time
	*record
}

func (r *run) result() *Result {
	slices.SortStableFunc(r.seen.requests, func(a, b request) int { return cmp.Compare(a.at, b.at) })
	return &Result{name: r.t.Name(), world: r.World, requests: r.seen.requests, record: r.seen}
}

// Offered is how many calls the clients made.
func (r *Result) Offered(window ...time.Duration) int { return len(r.in(window)) }

// Good is the share of the calls offered that were answered well and in time, from 0
// to 1; 1 when no call was offered.
func (r *Result) Good(window ...time.Duration) float64 {
	all := r.in(window)
	if len(all) == 0 {
		return 1
	}
	return float64(r.good(all)) / float64(len(all))
}

// Failed is how many of the calls offered were not answered well and in time.
func (r *Result) Failed(window ...time.Duration) int {
	all := r.in(window)
	return len(all) - r.good(all)
}

// Goodput is how many calls per second were answered well and in time.
func (r *Result) Goodput(window ...time.Duration) float64 {
	from, to := r.window(window)
	return float64(r.good(r.in(window))) / (to - from).Seconds()
}

// Errors are the errors of calls that failed by their text and number. Numbers
// in the text are left out, so that alike errors are one.
func (r *Result) Errors(window ...time.Duration) map[string]int {
	found := map[string]int{}
	for _, q := range r.in(window) {
		switch {
		case q.good:
		case q.err == nil:
			found["answered too late"]++
		default:
			found[numbers.ReplaceAllString(q.err.Error(), "…")]++
		}
	}
	return found
}

// numbers are numbers and durations.
var numbers = regexp.MustCompile(`([0-9][0-9.]*(ns|µs|ms|s|m|h)?)+`)

// P50 is the median of how long a call took, failed ones included.
func (r *Result) P50(window ...time.Duration) time.Duration { return r.quantile(0.5, false, window) }

// P99 is what 99 % of all calls did not exceed, failed ones included.
func (r *Result) P99(window ...time.Duration) time.Duration { return r.quantile(0.99, false, window) }

// P999 is what 99.9 % of all calls did not exceed, failed ones included.
func (r *Result) P999(window ...time.Duration) time.Duration {
	return r.quantile(0.999, false, window)
}

// ServedP99 is P99 of the good calls alone.
func (r *Result) ServedP99(window ...time.Duration) time.Duration {
	return r.quantile(0.99, true, window)
}

// Requests is how many calls were made to a service, whoever made them.
func (r *Result) Requests(service string, window ...time.Duration) float64 {
	return float64(r.calls[service].during(r.counted(window)))
}

// Attempts is how many attempts were sent to a service: more than Requests where
// calls were repeated, fewer where they were refused.
func (r *Result) Attempts(service string, window ...time.Duration) float64 {
	sum := 0
	for _, c := range r.attempts[service] {
		sum += c.during(r.counted(window))
	}
	return float64(sum)
}

// Share is how much of a service's attempts went to one of its instances, from 0
// to 1.
func (r *Result) Share(service string, instance int, window ...time.Duration) float64 {
	if instance >= len(r.attempts[service]) {
		return 0
	}
	return float64(r.attempts[service][instance].during(r.counted(window))) / max(r.Attempts(service, window...), 1)
}

// WorstSecond is the most attempts at a service per call of the clients, in any
// second of the window.
func (r *Result) WorstSecond(service string, window ...time.Duration) float64 {
	from, to := r.window(window)
	worst := 0.0
	for at := from; at+time.Second <= to; at += bucket {
		if offered := r.Offered(at, at+time.Second); offered > 0 {
			worst = max(worst, r.Attempts(service, at, at+time.Second)/float64(offered))
		}
	}
	return worst
}

// Recovery is how long after a moment it takes until at least this share of
// calls is good and stays so for three seconds; it is longer than any run when
// that never happens.
func (r *Result) Recovery(after time.Duration, share float64) time.Duration {
	for at := after; at+3*time.Second <= r.world.For; at += bucket {
		good := true
		for second := range 3 {
			from := at + time.Duration(second)*time.Second
			good = good && r.Good(from, from+time.Second) >= share
		}
		if good {
			return at - after
		}
	}
	return math.MaxInt64
}

// Open is the share of a caller's breakers for a service that were open or
// half-open, on average over the window, from 0 to 1.
func (r *Result) Open(caller, service string, window ...time.Duration) float64 {
	b, there := r.breakers[towards(caller, service)]
	if !there {
		return 0
	}
	from, to := r.window(window)
	open, all := b.open.sum(from, to, sampling), b.all.sum(from, to, sampling)
	return float64(open) / float64(max(all, 1))
}

// window is the one given, or all of the run.
func (r *Result) window(window []time.Duration) (from, to time.Duration) {
	switch len(window) {
	case 0:
		return 0, r.world.For
	case 2:
		return window[0], window[1]
	}
	panic("simtest: a window is its begin and its end")
}

// counted is the window in which hops are counted: without one those too which
// calls still make after the last one has begun.
func (r *Result) counted(window []time.Duration) (from, to time.Duration) {
	from, to = r.window(window)
	if len(window) == 0 {
		to += forever
	}
	return from, to
}

func (r *Result) in(window []time.Duration) []request {
	from, to := r.window(window)
	search := func(moment time.Duration) int {
		at, _ := slices.BinarySearchFunc(r.requests, moment, func(q request, moment time.Duration) int { return cmp.Compare(q.at, moment) })
		return at
	}
	return r.requests[search(from):max(search(to), search(from))]
}

func (*Result) good(all []request) (n int) {
	for _, q := range all {
		if q.good {
			n++
		}
	}
	return n
}

func (r *Result) quantile(q float64, goodOnly bool, window []time.Duration) time.Duration {
	var took []time.Duration
	for _, request := range r.in(window) {
		if request.good || !goodOnly {
			took = append(took, request.took)
		}
	}
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[max(int(math.Ceil(float64(len(took))*q)), 1)-1]
}
