package loadbalance

import "testing"

func TestASuccessRateFarBelowTheOthersEjects(t *testing.T) {
	type rate struct{ calls, failures float64 }
	for _, tt := range []struct {
		name   string
		own    rate
		others []rate
		brief  float64 // the node's failure rate in briefWindow
		want   bool
	}{
		{"it fails half, the others nothing", rate{40, 20}, []rate{{40, 0}, {40, 0}}, 0.5, true},
		{"the gap is 29 points", rate{100, 29}, []rate{{100, 0}, {100, 0}}, 0.3, false},
		{"the gap is 30 points", rate{100, 30}, []rate{{100, 0}, {100, 0}}, 0.3, true},
		{"it has too few calls", rate{19, 19}, []rate{{40, 0}, {40, 0}}, 1, false},
		{"only one of the others has enough calls", rate{40, 20}, []rate{{40, 0}, {3, 3}}, 0.5, true},
		{"none of the others has enough calls", rate{40, 20}, []rate{{3, 0}, {3, 0}}, 0.5, false},
		{"the others fail as much", rate{40, 20}, []rate{{40, 20}, {40, 20}}, 0.5, false},
		{"the gap may be chance at so few calls", rate{20, 14}, []rate{{20, 7}, {20, 7}}, 0.7, false},
		{"the same gap is no chance at many calls", rate{200, 140}, []rate{{200, 70}, {200, 70}}, 0.7, true},
		{"it does not fail any more", rate{40, 20}, []rate{{40, 0}, {40, 0}}, 0, false},
	} {
		j := judge(Policy{}, 1+len(tt.others))
		for i, r := range append([]rate{tt.own}, tt.others...) {
			j.nodes[i].recent.calls, j.nodes[i].recent.failures = r.calls, r.failures
		}
		n := j.nodes[0]
		n.recent.briefCalls, n.recent.briefFailures = 100, 100*tt.brief
		f := j.failures()
		if got := f.failsMoreOften(n, f.rates()); got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestARowOfFailuresEjectsWhereTheOthersWouldHaveItOnceInAMillion(t *testing.T) {
	for _, tt := range []struct {
		streak int32
		others float64 // their failure rate
		want   bool
	}{
		{4, 0, false},
		{5, 0, true},
		{5, 0.06, true},
		{5, 0.07, false},
		{19, 0.5, false},
		{20, 0.5, true},
	} {
		j := judge(Policy{}, 3)
		for _, n := range j.nodes {
			n.recent.calls, n.recent.failures = 1000, 1000*tt.others
		}
		j.nodes[0].streak.Store(tt.streak)
		if got := j.failures().failsMoreInARow(j.nodes[0], (*node).isHealthy); got != tt.want {
			t.Errorf("%d in a row, the others fail %.2f: got %t, want %t", tt.streak, tt.others, got, tt.want)
		}
	}
}
