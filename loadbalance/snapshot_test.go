package loadbalance_test

import (
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/loadbalance"
)

func TestTheInstanceOfLowerCostIsChosen(t *testing.T) {
	type call struct {
		id   string
		took time.Duration
		over bool
	}
	rapid.Check(t, func(rt *rapid.T) {
		weight := rapid.SampledFrom([]string{"", "3"}).Draw(rt, "weight")
		var calls []call
		for range rapid.IntRange(1, 30).Draw(rt, "calls") {
			calls = append(calls, call{
				rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "id"),
				time.Duration(rapid.IntRange(0, 100).Draw(rt, "ms")) * time.Millisecond, rapid.Bool().Draw(rt, "over"),
			})
		}
		var costs map[string]float64
		var got string
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Probation: loadbalance.Probation{Disabled: true}}, instances(weight, "1"))
			for _, c := range calls {
				picked := only(t, b, c.id)
				<-time.After(c.took)
				if c.over {
					picked.Done(t.Context(), nil)
				}
			}
			costs = map[string]float64{"a": state(t, b, "a").Cost, "b": state(t, b, "b").Cost}
			got = pick(t, b).Instance.ID
		})
		for id, cost := range costs {
			if cost <= 0 || cost < costs[got] {
				rt.Fatalf("they cost %v, and %s was picked, not %s", costs, got, id)
			}
		}
	})
}

func TestCostIsTheLatencyTimesTheCallsInFlightAndOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, a := range algorithms {
			b := pool(loadbalance.Policy{Algorithm: a}, instances("", ""))
			counts(t, b, 20, takes(10*time.Millisecond))
			before := state(t, b, "a").Cost
			for range 3 {
				only(t, b, "a")
			}
			after := state(t, b, "a").Cost
			if a != loadbalance.PeakEWMA && (before != 0 || after != 0) {
				t.Errorf("%s: %v and %v", a, before, after)
			}
			if a == loadbalance.PeakEWMA && (before < 0.0095 || before > 0.0101 || after < 3.9*before || after > 4.1*before) {
				t.Errorf("calls of 10 ms: cost %v, with three in flight %v", before, after)
			}
		}
	})
}
