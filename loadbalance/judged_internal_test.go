package loadbalance

import (
	"fmt"
	"time"

	"github.com/sinew-go/sinew/internal/rng"
	"github.com/sinew-go/sinew/registry"
)

// judged is a health with the nodes and the time of a test. It reports to health what
// calls would report, without a pool and without calls.
type judged struct {
	health
	now  time.Duration
	ids  int
	rng  rng.Source
	busy map[*node]time.Duration // probes in flight, by their start
}

func judge(p Policy, nodes int) *judged {
	j := &judged{busy: map[*node]time.Duration{}}
	j.health.init(&j.rng)
	j.set(p.WithDefaults(), 0)
	j.replace(j.grow(nil, nodes))
	return j
}

func (j *judged) grow(nodes []*node, more int) []*node {
	for range more {
		n := newNode(fmt.Sprint(j.ids), j.now, 0, false)
		n.instance.Store(&registry.Instance{ID: fmt.Sprint(j.ids)})
		n.weight = 1
		j.ids++
		nodes = append(nodes, n)
	}
	return nodes
}

// report is how a call to a node ends.
type report struct {
	result    outcome
	took      time.Duration
	unreached bool // no connection was made
	silent    bool // the node has not answered since the call began
}

var (
	good       = report{result: success, took: 10 * time.Millisecond}
	bad        = report{result: failed, took: time.Millisecond}
	down       = report{result: failed, unreached: true}
	slowAnswer = report{result: success, took: time.Second}
	hangs      = report{result: failed, took: time.Second, silent: true}
	noRoom     = report{result: refused, took: time.Millisecond}
	givenUp    = report{result: cancelled, took: time.Millisecond}
)

// call reports n calls that end now.
func (j *judged) call(to *node, calls int, r report) {
	for range calls {
		j.end(to, r, false)
	}
}

func (j *judged) end(n *node, r report, isProbe bool) {
	start := max(j.now-r.took, 0)
	if isProbe {
		start = j.busy[n]
		delete(j.busy, n)
	}
	n.addInFlight(start)
	n.traffic.Add(callEnded)
	switch r.result {
	case success:
		n.recordAnswer(j.now)
		n.latency.addSuccess(j.now, float64(r.took), 1/float64(j.policy.Decay))
		n.resetStreak()
		if int64(r.took) > j.latencies.slowAbove.Load() {
			n.slow.Add(1)
		}
	case failed:
		n.failed.Add(1)
		row := int32(1)
		switch {
		case r.unreached:
			row = int32(j.policy.Ejection.Failures)
		case r.silent:
			n.unanswered.Add(1)
		default:
			n.recordAnswer(j.now)
		}
		if n.countFailure(start, row, &j.policy.Ejection) {
			j.publish(j.rowCompleted(n, start, j.now, r.unreached, r.silent))
		}
	default:
		n.neutral.Add(1)
	}
	if isProbe || !n.isHealthy() {
		j.publish(j.callEnded(n, ended{start, r.took, r.result, isProbe, r.silent || r.unreached}, j.now))
	}
}

func (j *judged) pass(d time.Duration) {
	j.now += d
	j.publish(j.sweep(j.now))
}

// publish does what a pool does after a change, but for its routing.
func (j *judged) publish(changed bool) {
	if changed {
		j.prober.schedule(j.nodes)
	}
}

func (j *judged) replace(nodes []*node) {
	j.update(nodes, j.now)
	j.publish(true)
}

// probe starts a probe if one is due.
func (j *judged) probe(safe bool) *node {
	n := j.prober.claim(j.nodes, j.now, safe)
	if n != nil {
		j.busy[n] = j.now
	}
	return n
}

func (j *judged) out() (out []int) {
	for i, n := range j.nodes {
		if !n.isHealthy() {
			out = append(out, i)
		}
	}
	return out
}

// away returns a judged pool whose first nodes are ejected.
func away(p Policy, nodes, out int) *judged {
	j := judge(p, nodes)
	for _, n := range j.nodes[:out] {
		n.health.eject(j.now, j.policy.Ejection)
	}
	j.publish(true)
	return j
}
