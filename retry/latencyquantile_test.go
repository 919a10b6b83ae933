package retry

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// The share of attempts above the quantile is the requested one for any distribution, and is
// so again soon after a change of latency.
func TestALatencyQuantileFollowsItsShare(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	for name, took := range map[string]func() float64{
		"exponential": func() float64 { return 1e6 * draw.ExpFloat64() },
		"lognormal":   func() float64 { return 1e7 * math.Exp(0.5*draw.NormFloat64()) },
		"two kinds":   func() float64 { return []float64{1e6, 5e7}[min(draw.IntN(100), 1)^1] * (1 + draw.Float64()) },
	} {
		for _, share := range []float64{0.0075, 0.015, 0.075} {
			var slow latencyQuantile
			for _, scale := range []float64{1, 10, 1} {
				longer, seen := 0, 40_000
				for i := range seen + 20_000 {
					d := time.Duration(scale * took())
					if wait, known := slow.get(); i >= 20_000 && known && d > wait {
						longer++
					}
					slow.add(d, share)
				}
				if got := float64(longer) / float64(seen); got < 0.7*share || got > 1.4*share {
					t.Errorf("%s, × %v: %.4f are longer, want %.4f", name, scale, got, share)
				}
			}
		}
	}
}

func TestALatencyQuantileIsUnknownBeforeEnoughSamples(t *testing.T) {
	var slow latencyQuantile
	for i := range minSamples {
		if wait, known := slow.get(); known {
			t.Fatalf("it says %s after %d", wait, i)
		}
		slow.add(0, 0.01)
	}
	if wait, known := slow.get(); !known || wait > time.Microsecond {
		t.Errorf("%s, %v", wait, known)
	}
}
