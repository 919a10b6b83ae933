package loadbalance

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

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
	const sweeps = 10_000
	for range sweeps {
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
	t.Fatalf("%d of %d are still out after %d sweeps without trouble", len(j.out()), len(j.nodes), sweeps)
}
