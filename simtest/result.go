package simtest

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"time"
)

// Result is the outcome of a run. Its methods accept a window of the run, as two times
// since the start of the run: its begin and its end. Without a window they cover the
// whole run; with one or more than two times they panic. A call of a client belongs to
// the window in which it starts. Requests and attempts are counted in steps of a tenth of
// a second.
type Result struct {
	name     string
	world    World
	requests []request // by time
	*record
}

func (r *run) result() *Result {
	slices.SortStableFunc(r.record.requests, func(a, b request) int { return cmp.Compare(a.at, b.at) })
	return &Result{name: r.t.Name(), world: r.World, requests: r.record.requests, record: r.record}
}

// Offered is the number of calls that the clients made.
func (r *Result) Offered(window ...time.Duration) int { return len(r.in(window)) }

// Good is the share of the offered calls that succeeded in time, from 0 to 1. It is 1 if
// no call was offered.
func (r *Result) Good(window ...time.Duration) float64 {
	all := r.in(window)
	if len(all) == 0 {
		return 1
	}
	return float64(r.good(all)) / float64(len(all))
}

// Failed is the number of offered calls that did not succeed in time.
func (r *Result) Failed(window ...time.Duration) int {
	all := r.in(window)
	return len(all) - r.good(all)
}

// Goodput is the number of offered calls per second that succeeded in time.
func (r *Result) Goodput(window ...time.Duration) float64 {
	from, to := r.window(window)
	return float64(r.good(r.in(window))) / (to - from).Seconds()
}

// Errors counts the failed calls by the text of their error. Numbers in the text are
// replaced, so that similar errors count as one.
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

// numbers matches numbers and durations.
var numbers = regexp.MustCompile(`([0-9][0-9.]*(ns|µs|ms|s|m|h)?)+`)

// P50 is the median latency of all offered calls, including failed ones; zero if there
// are none.
func (r *Result) P50(window ...time.Duration) time.Duration { return r.quantile(0.5, false, window) }

// P99 is the 99th percentile of the latency of all offered calls, including failed ones;
// zero if there are none.
func (r *Result) P99(window ...time.Duration) time.Duration { return r.quantile(0.99, false, window) }

// P999 is the 99.9th percentile of the latency of all offered calls, including failed
// ones; zero if there are none.
func (r *Result) P999(window ...time.Duration) time.Duration {
	return r.quantile(0.999, false, window)
}

// ServedP99 is the 99th percentile of the latency of the calls that succeeded in time;
// zero if there are none.
func (r *Result) ServedP99(window ...time.Duration) time.Duration {
	return r.quantile(0.99, true, window)
}

// Requests is the number of calls made to a service, by any caller.
func (r *Result) Requests(service string, window ...time.Duration) float64 {
	return float64(r.calls[service].inWindow(r.countWindow(window)))
}

// Attempts is the number of attempts sent to a service: more than [Result.Requests] if
// calls were repeated, fewer if callers refused them, as an open breaker does.
func (r *Result) Attempts(service string, window ...time.Duration) float64 {
	sum := 0
	for _, c := range r.attempts[service] {
		sum += c.inWindow(r.countWindow(window))
	}
	return float64(sum)
}

// Share is the share of a service's attempts that went to one of its instances, from 0 to
// 1.
func (r *Result) Share(service string, instance int, window ...time.Duration) float64 {
	if instance >= len(r.attempts[service]) {
		return 0
	}
	return float64(r.attempts[service][instance].inWindow(r.countWindow(window))) / max(r.Attempts(service, window...), 1)
}

// WorstSecond is the highest number of attempts at a service per offered call, in any
// second of the window.
func (r *Result) WorstSecond(service string, window ...time.Duration) float64 {
	from, to := r.window(window)
	worst := 0.0
	for at := from; at+time.Second <= to; at += countInterval {
		if offered := r.Offered(at, at+time.Second); offered > 0 {
			worst = max(worst, r.Attempts(service, at, at+time.Second)/float64(offered))
		}
	}
	return worst
}

// Recovery is how long after a moment of the run [Result.Good] reaches share and stays
// there for three seconds. If that never happens, it is the longest [time.Duration].
func (r *Result) Recovery(after time.Duration, share float64) time.Duration {
	for at := after; at+3*time.Second <= r.world.For; at += countInterval {
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

// Open is the share of breakers that were open or half-open, from 0 to 1, on average over
// the window: of the breakers that the processes of caller, a client or a service, have
// for service.
func (r *Result) Open(caller, service string, window ...time.Duration) float64 {
	b, ok := r.breakers[breakerKey(caller, service)]
	if !ok {
		return 0
	}
	from, to := r.window(window)
	open, all := b.open.sum(from, to, sampleInterval), b.all.sum(from, to, sampleInterval)
	return float64(open) / float64(max(all, 1))
}

// window returns the given window, or the whole run.
func (r *Result) window(window []time.Duration) (from, to time.Duration) {
	switch len(window) {
	case 0:
		return 0, r.world.For
	case 2:
		return window[0], window[1]
	}
	panic("simtest: a window is its begin and its end")
}

// countWindow is the window in which hops are counted. Without a window it includes the
// hops of calls that end after the clients have stopped.
func (r *Result) countWindow(window []time.Duration) (from, to time.Duration) {
	from, to = r.window(window)
	if len(window) == 0 {
		to += noDeadline
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
