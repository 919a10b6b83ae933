package loadbalance

import (
	"testing"
	"time"
)

func TestWhichNodeIsSlow(t *testing.T) {
	ms := float64(time.Millisecond)
	type calls struct{ mean, answers, slow float64 }
	for _, tt := range []struct {
		name    string
		own     calls
		others  calls // each of three
		starves bool
		change  func(n *node)
		want    bool
	}{
		{name: "all are alike", own: calls{10 * ms, 100, 0}, others: calls{10 * ms, 100, 0}},
		{name: "it is ten times slower", own: calls{100 * ms, 100, 100}, others: calls{10 * ms, 100, 0},
			want: true},
		{name: "half of its answers are slow", own: calls{10 * ms, 100, 50}, others: calls{10 * ms, 100, 0},
			want: true},
		{name: "two slow answers say little", own: calls{100 * ms, 2, 2}, others: calls{10 * ms, 100, 0},
			want: true},
		{name: "one slow answer says nothing", own: calls{100 * ms, 1, 1}, others: calls{10 * ms, 100, 0}},
		{name: "the others have many slow answers, too", own: calls{100 * ms, 100, 60},
			others: calls{10 * ms, 100, 30}},
		{name: "its slow answers may be chance", own: calls{100 * ms, 100, 30}, others: calls{10 * ms, 100, 20}},
		{name: "less than a millisecond more is not slow", own: calls{0.9 * ms, 100, 0},
			others: calls{0.1 * ms, 100, 0}},
		{name: "it is starved, and its latency is high", own: calls{100 * ms, 0, 0}, others: calls{10 * ms, 100, 0},
			starves: true, want: true},
		{name: "it has no calls for another reason", own: calls{100 * ms, 0, 0}, others: calls{10 * ms, 100, 0}},
		{name: "its calls hang", own: calls{10 * ms, 100, 0}, others: calls{10 * ms, 100, 0},
			change: func(n *node) {
				n.traffic.Store(3)
				n.recent.briefSlow = 3
			}, want: true},
	} {
		j := judge(Policy{}, 4)
		j.now = time.Minute
		for i, n := range j.nodes {
			c := tt.others
			if i == 0 {
				c = tt.own
			}
			n.latency.set(c.mean, c.mean)
			n.latency.updatedAt.Store(int64(j.now - time.Second))
			n.recent.newAnswers, n.recent.briefCalls, n.recent.briefSlow = c.answers, c.answers, c.slow
		}
		if tt.change != nil {
			tt.change(j.nodes[0])
		}
		j.latencies.update(j.nodes, j.policy, j.now)
		all := j.latencies.compare(j.nodes, j.now)
		if got := all.isOutlier(j.nodes[0], tt.starves); got != tt.want {
			t.Errorf("%s: got %t, want %t", tt.name, got, tt.want)
		}
	}
}
