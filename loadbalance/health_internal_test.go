package loadbalance

import (
	"slices"
	"testing"
	"time"
)

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
		{name: "as many as MaxPercent says", nodes: 4, policy: Policy{Ejection: Ejection{MaxPercent: 30}},
			happen: func(j *judged) {
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
		{name: "nobody when ejection is disabled", nodes: 3, policy: Policy{Ejection: Ejection{Disabled: true}},
			happen: func(j *judged) {
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
		{name: "nobody who is slow when probation is disabled", nodes: 4,
			policy: Policy{Probation: Probation{Disabled: true}},
			happen: func(j *judged) {
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
			t.Errorf("%s: got %d usable and %d out, want %d usable of %d",
				tt.name, len(in), len(out), tt.usable, tt.of)
		}
	}
}
