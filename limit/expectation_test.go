package limit

import (
	"testing"
	"time"
)

func TestThresholdsOfACallFollowFromItsBaselineAndItsCallersTime(t *testing.T) {
	expecting := func(baseline time.Duration) expectation {
		return expectation{baseline: float64(baseline), best: float64(baseline)}
	}
	for _, c := range []struct {
		name         string
		expectation  expectation
		budget       time.Duration
		late, target time.Duration
		hopeless     bool
	}{
		{
			name: "a quick operation", expectation: expecting(10 * time.Millisecond), budget: time.Second,
			late: 800 * time.Millisecond, target: 100 * time.Millisecond,
		},
		{
			name: "a very quick operation", expectation: expecting(time.Millisecond), budget: time.Second,
			late: 800 * time.Millisecond, target: 50 * time.Millisecond,
		},
		{
			name:        "an operation of half its deadline",
			expectation: expecting(200 * time.Millisecond), budget: 600 * time.Millisecond,
			late: 600 * time.Millisecond, target: 300 * time.Millisecond,
		},
		{
			name:        "a short deadline",
			expectation: expecting(100 * time.Millisecond), budget: 240 * time.Millisecond,
			late: 300 * time.Millisecond, target: 125 * time.Millisecond, hopeless: true,
		},
		{
			name: "no deadline", expectation: expecting(10 * time.Millisecond),
			late: 1600 * time.Millisecond, target: 100 * time.Millisecond,
		},
		{
			name: "no deadline and a slow operation", expectation: expecting(time.Second),
			late: 16 * time.Second, target: 10 * time.Second,
		},
		{
			name:        "an operation that often runs out of time",
			expectation: expectation{float64(10 * ms), float64(10 * ms), 0.3}, budget: time.Second,
			late: 800 * time.Millisecond, target: 100 * time.Millisecond, hopeless: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			budget := int64(c.budget)
			if got := time.Duration(c.expectation.lateAfter(budget)); got != c.late {
				t.Errorf("a call is late after %s, want %s", got, c.late)
			}
			if got := time.Duration(c.expectation.target(budget)); got != c.target {
				t.Errorf("the target latency is %s, want %s", got, c.target)
			}
			if got := c.expectation.isHopeless(budget); got != c.hopeless {
				t.Errorf("it is hopeless: %v, want %v", got, c.hopeless)
			}
		})
	}
}
