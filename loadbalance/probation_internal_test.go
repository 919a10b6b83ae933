package loadbalance

import (
	"testing"
	"time"
)

func TestEachNodeHasOneProbeAtATime(t *testing.T) {
	j := away(Policy{}, 4, 2)
	j.now = 5 * time.Second
	for i, want := range []*node{j.nodes[0], j.nodes[1], nil} {
		if got := j.probe(true); got != want {
			t.Errorf("probe %d: got %v, want %v", i, got, want)
		}
	}
	j.end(j.nodes[0], good, true)
	if got := j.probe(true); got != j.nodes[0] {
		t.Errorf("after a good probe: got %v, want the node again", got)
	}
}

func TestWhenAProbeIsDue(t *testing.T) {
	const period, interval = 5 * time.Second, 2 * time.Second
	for _, tt := range []struct {
		name    string
		policy  Probation
		prepare func(j *judged)
		at      time.Duration
		safe    bool
		want    bool
	}{
		{name: "not before the ejection is over", at: period - 1, safe: true},
		{name: "when the ejection is over", at: period, safe: true, want: true},
		{name: "not of an unsafe call", at: period},
		{name: "of an unsafe call where no safe one came for ten intervals", at: period + 10*interval, want: true},
		{name: "not when probation is disabled", policy: Probation{Disabled: true}, at: period, safe: true},
		{name: "of an unsafe call, to a node that refuses connections", at: period, want: true,
			prepare: func(j *judged) {
				j.nodes[0].health.refusesConnections = true
			}},
		{name: "of an unsafe call after a good probe", at: period, want: true, prepare: func(j *judged) {
			j.nodes[0].health.probes.successes = 1
		}},
		{name: "not within an interval after a cancelled one", at: period + interval - 1, safe: true,
			prepare: func(j *judged) {
				j.now = period
				j.end(j.probe(true), givenUp, true)
			}},
		{name: "an interval after a cancelled one", at: period + interval, safe: true, want: true,
			prepare: func(j *judged) {
				j.now = period
				j.end(j.probe(true), givenUp, true)
			}},
		{name: "not while one has not returned", at: period + 10*time.Second - 1, safe: true,
			prepare: func(j *judged) {
				j.now = period
				j.probe(true)
			}},
		{name: "an interval and a quarter after one that never returned",
			at: period + 10*time.Second + interval*5/4, safe: true, want: true,
			prepare: func(j *judged) {
				j.now = period
				j.probe(true)
				j.now += 10 * time.Second
				j.probe(true)
			}},
	} {
		j := away(Policy{Probation: tt.policy}, 3, 1)
		if tt.prepare != nil {
			tt.prepare(j)
			j.publish(true)
		}
		j.now = tt.at
		if got := j.prober.isDue(j.now, tt.safe) && j.probe(tt.safe) != nil; got != tt.want {
			t.Errorf("%s: got a probe %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestWhatEndsAProbation(t *testing.T) {
	for _, tt := range []struct {
		name  string
		ends  []report
		state state
	}{
		{"three good probes", []report{good, good, good}, healthy},
		{"two are too few", []report{good, good}, ejected},
		{"a refusal is a good probe", []report{good, noRoom, good}, healthy},
		{"a slow one starts the count again", []report{good, good, slowAnswer, good, good}, ejected},
		{"a cancelled one does not count", []report{good, givenUp, good, good}, healthy},
		{"a failure ejects again", []report{good, good, bad, good, good}, ejected},
	} {
		j := away(Policy{}, 3, 1)
		j.latencies.slowAbove.Store(int64(100 * time.Millisecond))
		for _, end := range tt.ends {
			j.now += time.Minute
			j.probe(true)
			j.end(j.nodes[0], end, true)
		}
		if got := j.nodes[0].health.state.Load(); got != tt.state {
			t.Errorf("%s: got state %d, want %d", tt.name, got, tt.state)
		}
	}
}

func TestAfterWhichTimeAProbeIsHedged(t *testing.T) {
	for _, tt := range []struct {
		name              string
		median, slowAbove time.Duration
		calls             float64
		successes         int
		want              time.Duration
	}{
		{"the latency is not known", 0, 1<<63 - 1, 0, 0, 100 * time.Millisecond},
		{"calls are many", 10 * time.Millisecond, 30 * time.Millisecond, 100, 0, 10 * time.Millisecond},
		{"calls are few", 10 * time.Millisecond, 30 * time.Millisecond, 99, 0, 30 * time.Millisecond},
		{"a probe was good", 10 * time.Millisecond, 30 * time.Millisecond, 100, 1, 30 * time.Millisecond},
	} {
		j := away(Policy{}, 3, 1)
		j.latencies.median.Store(int64(tt.median))
		j.latencies.slowAbove.Store(int64(tt.slowAbove))
		j.nodes[1].recent.briefCalls = tt.calls
		j.nodes[0].health.probes.successes = tt.successes
		if got := j.hedgeAfter(j.nodes[0]); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
