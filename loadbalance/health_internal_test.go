package loadbalance

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

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

func TestHealthDecidesWhoIsOut(t *testing.T) {
	settled := func(j *judged) { // all are known and work
		for range 20 {
			for _, n := range j.nodes {
				j.call(n, 5, good)
			}
			j.pass(250 * time.Millisecond)
		}
	}
	for _, tt := range []struct {
		name   string
		policy Policy
		nodes  int
		happen func(j *judged)
		out    []int
	}{
		{name: "nobody without calls", nodes: 3, happen: func(*judged) {}},
		{name: "nobody after successes", nodes: 3, happen: settled},
		{name: "nobody after four failures in a row", nodes: 3, happen: func(j *judged) {
			settled(j)
			j.call(j.nodes[0], 4, bad)
		}},
		{name: "the one with five failures in a row", nodes: 3, happen: func(j *judged) {
			settled(j)
			j.call(j.nodes[1], 5, bad)
		}, out: []int{1}},
		{name: "nobody where a success is between the failures", nodes: 3, happen: func(j *judged) {
			settled(j)
			j.call(j.nodes[1], 4, bad)
			j.call(j.nodes[1], 1, good)
			j.call(j.nodes[1], 4, bad)
		}},
		{name: "nobody after refusals", nodes: 3, happen: func(j *judged) {
			settled(j)
			j.call(j.nodes[1], 100, noRoom)
		}},
		{name: "nobody after calls that were given up", nodes: 3, happen: func(j *judged) {
			settled(j)
			j.call(j.nodes[1], 100, givenUp)
		}},
		{name: "nobody where all fail", nodes: 3, happen: func(j *judged) {
			settled(j)
			for range 20 {
				for _, n := range j.nodes {
					j.call(n, 1, bad)
				}
			}
		}},
		{name: "not the only instance", nodes: 1, happen: func(j *judged) {
			settled(j)
			j.call(j.nodes[0], 100, down)
		}},
		{name: "no more than half", nodes: 4, happen: func(j *judged) {
			settled(j)
			for _, n := range j.nodes[:3] {
				j.call(n, 5, bad)
			}
		}, out: []int{0, 1}},
		{name: "as many as MaxPercent says", nodes: 4, policy: Policy{Ejection: Ejection{MaxPercent: 30}}, happen: func(j *judged) {
			settled(j)
			for _, n := range j.nodes[:3] {
				j.call(n, 5, bad)
			}
		}, out: []int{0}},
		{name: "one refused connection is enough", nodes: 3, happen: func(j *judged) {
			settled(j)
			j.call(j.nodes[2], 1, down)
		}, out: []int{2}},
		{name: "all that refuse connections, but the last that works", nodes: 4, happen: func(j *judged) {
			settled(j)
			for _, n := range j.nodes[:3] {
				j.call(n, 1, down)
			}
		}, out: []int{0, 1, 2}},
		{name: "all that are silent, but the one that answers", nodes: 4, happen: func(j *judged) {
			settled(j)
			j.now += 2 * time.Second
			j.call(j.nodes[3], 1, good)
			for _, n := range j.nodes[:3] {
				j.call(n, 5, hangs)
			}
		}, out: []int{0, 1, 2}},
		{name: "one more than may be out, when one that was gone answers again", nodes: 4, happen: func(j *judged) {
			settled(j)
			j.call(j.nodes[0], 1, down)
			j.call(j.nodes[1], 1, down)
			j.now += time.Second
			j.call(j.nodes[2], 5, bad)
			j.now += time.Second
			j.end(j.probe(true), bad, true)
		}, out: []int{0, 1}},
		{name: "nobody who is the last that is left, after others have gone", nodes: 2, happen: func(j *judged) {
			settled(j)
			j.call(j.nodes[0], 1, down)
			j.call(j.nodes[1], 5, down)
		}, out: []int{0}},
		{name: "one that fails half of its calls, by its success rate", nodes: 3, happen: func(j *judged) {
			for range 10 {
				for _, n := range j.nodes {
					j.call(n, 3, good)
				}
				j.call(j.nodes[0], 3, bad)
				j.call(j.nodes[0], 1, good)
				j.pass(250 * time.Millisecond)
			}
		}, out: []int{0}},
		{name: "nobody when ejection is disabled", nodes: 3, policy: Policy{Ejection: Ejection{Disabled: true}}, happen: func(j *judged) {
			settled(j)
			j.call(j.nodes[0], 100, down)
			j.pass(time.Second)
		}},
		{name: "the one that is slow", nodes: 4, happen: func(j *judged) {
			settled(j)
			for range 4 {
				for _, n := range j.nodes[1:] {
					j.call(n, 5, good)
				}
				j.call(j.nodes[0], 5, slowAnswer)
				j.pass(250 * time.Millisecond)
			}
		}, out: []int{0}},
		{name: "nobody where all are slow", nodes: 4, happen: func(j *judged) {
			settled(j)
			for range 20 {
				for _, n := range j.nodes {
					j.call(n, 5, slowAnswer)
				}
				j.pass(250 * time.Millisecond)
			}
		}},
		{name: "nobody who is slow when probation is disabled", nodes: 4, policy: Policy{Probation: Probation{Disabled: true}}, happen: func(j *judged) {
			settled(j)
			for range 20 {
				j.call(j.nodes[0], 5, slowAnswer)
				j.pass(250 * time.Millisecond)
			}
		}},
		{name: "nobody once the policy allows it no more", nodes: 4, happen: func(j *judged) {
			settled(j)
			j.call(j.nodes[0], 5, bad)
			j.set(Policy{Ejection: Ejection{Disabled: true}}.WithDefaults(), j.now)
		}},
		{name: "only one of two that failed, where the others leave", nodes: 4, happen: func(j *judged) {
			settled(j)
			j.call(j.nodes[0], 5, bad)
			j.call(j.nodes[1], 5, bad)
			j.replace(j.nodes[:2])
		}, out: []int{1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := judge(tt.policy, tt.nodes)
			if tt.happen(j); !slices.Equal(j.out(), tt.out) {
				t.Errorf("got %v out, want %v", j.out(), tt.out)
			}
		})
	}
}

func TestWhoIsUsableBelowThePanicThreshold(t *testing.T) {
	for _, tt := range []struct {
		name          string
		ill, gone, of int
		usable        int
	}{
		{"all are healthy", 0, 0, 4, 4},
		{"half is healthy", 2, 0, 4, 2},
		{"less than half is healthy, and all are used", 3, 0, 4, 4},
		{"those that are gone do not count", 0, 3, 4, 1},
		{"less than half of those that are not gone is healthy, and none that is gone is used", 2, 1, 4, 3},
		{"all are gone, and all are used", 0, 4, 4, 4},
	} {
		j := judge(Policy{}, tt.of)
		for i, n := range j.nodes[:tt.ill+tt.gone] {
			n.health.state.Store(ejected)
			n.health.gone = i >= tt.ill
		}
		if in, out := j.usable(); len(in) != tt.usable || len(in)+len(out) != tt.of {
			t.Errorf("%s: got %d usable and %d out, want %d usable of %d", tt.name, len(in), len(out), tt.usable, tt.of)
		}
	}
}

// What doc.go promises of ejection and probation, whatever happens.
func TestHealthHoldsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Seed: 1}
		p.Ejection.MaxPercent = rapid.IntRange(1, 100).Draw(t, "max_percent")
		j := judge(p, rapid.IntRange(1, 8).Draw(t, "nodes"))
		pick := func() *node { return j.nodes[rapid.IntRange(0, len(j.nodes)-1).Draw(t, "node")] }
		ends := rapid.SampledFrom([]report{good, good, bad, bad, down, slowAnswer, hangs, noRoom, givenUp})
		t.Repeat(map[string]func(*rapid.T){
			"calls end": func(t *rapid.T) {
				n, before := pick(), j.healthy()
				j.call(n, rapid.IntRange(1, 12).Draw(t, "calls"), ends.Draw(t, "end"))
				if before > 0 && j.healthy() == 0 {
					t.Fatal("the last healthy node is out")
				}
			},
			"time passes": func(*rapid.T) {
				before := j.healthy()
				j.pass(time.Duration(rapid.Int64Range(1, int64(10*time.Second)).Draw(t, "passed")))
				if before > 0 && j.healthy() == 0 {
					t.Fatal("the last healthy node is out")
				}
			},
			"a probe starts": func(t *rapid.T) {
				safe := rapid.Bool().Draw(t, "safe")
				if !j.prober.isDue(j.now, safe) {
					return // picks do not ask
				}
				before := maps.Clone(j.busy)
				n := j.probe(safe)
				if n == nil {
					return
				}
				if n.isHealthy() || n.health.isEjected(j.now) {
					t.Fatal("a probe goes to a node that is healthy, or whose ejection is not over")
				}
				if start, ok := before[n]; ok && j.now < start+j.policy.Probation.Timeout {
					t.Fatal("a second probe goes to a node")
				}
			},
			"a probe ends": func(t *rapid.T) {
				for _, n := range j.nodes {
					if _, ok := j.busy[n]; ok {
						j.end(n, ends.Draw(t, "end"), true)
						return
					}
				}
			},
			"a node comes": func(*rapid.T) { j.replace(j.grow(j.nodes, 1)) },
			"a node leaves": func(*rapid.T) {
				if n := pick(); len(j.nodes) > 1 {
					delete(j.busy, n)
					j.replace(slices.DeleteFunc(slices.Clone(j.nodes), func(other *node) bool { return other == n }))
				}
			},
			"": func(t *rapid.T) { j.check(t) },
		})
		j.recover(t)
	})
}

func (j *judged) healthy() int { return len(j.nodes) - len(j.out()) }

// check compares who is out with the limits.
func (j *judged) check(t *rapid.T) {
	out, all := j.countOut()
	if out > 1 && 100*out > j.policy.Ejection.MaxPercent*all {
		t.Fatalf("%d of %d are out, more than %d %%", out, all, j.policy.Ejection.MaxPercent)
	}
	if all > 0 && out == all {
		t.Fatalf("all %d that are not gone are out", all)
	}
	in, excluded := j.usable()
	if len(in) == 0 || len(in)+len(excluded) != len(j.nodes) {
		t.Fatalf("of %d nodes %d are usable and %d are not", len(j.nodes), len(in), len(excluded))
	}
	for _, n := range excluded {
		if n.isHealthy() {
			t.Fatal("a healthy node is not used")
		}
	}
}

// recover ends all trouble: then every node comes back by good probes, and none before.
func (j *judged) recover(t *rapid.T) {
	clear(j.busy)
	for range 10_000 {
		if len(j.out()) == 0 {
			return
		}
		for _, n := range j.nodes {
			if n.isHealthy() {
				j.call(n, 5, good)
			}
		}
		j.pass(250 * time.Millisecond)
		if !j.prober.isDue(j.now, true) {
			continue
		}
		if n := j.probe(true); n != nil {
			j.now += good.took
			j.end(n, good, true)
		}
	}
	t.Fatalf("%d of %d are still out after %s without trouble", len(j.out()), len(j.nodes), 10_000*250*time.Millisecond)
}
