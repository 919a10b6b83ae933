package limit_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/sinew-go/sinew/limit"
)

// seeds is how many times each storm runs: 2, or SINEW_STORM_SEEDS; 1 with the race
// detector, which makes each ten times slower.
func seeds() int {
	if raced {
		return 1
	}
	if n, err := strconv.Atoi(os.Getenv("SINEW_STORM_SEEDS")); err == nil {
		return n
	}
	return 2
}

// sides are where the limiters are.
var sides = map[string]struct {
	clients          int
	client, server   *limit.Adaptive
	goodput          float64
	recovers         time.Duration
	recoversSlowness time.Duration
}{
	"one client":            {1, &limit.Adaptive{}, nil, 0.92, 2 * time.Second, 2 * time.Second},
	"20 clients":            {20, &limit.Adaptive{}, nil, 0.92, 2 * time.Second, 4 * time.Second},
	"servers":               {1, nil, &limit.Adaptive{}, 0.95, 2 * time.Second, 2 * time.Second},
	"servers of 20 clients": {20, nil, &limit.Adaptive{}, 0.95, 2 * time.Second, 2 * time.Second},
	"both":                  {1, &limit.Adaptive{}, &limit.Adaptive{}, 0.95, 2 * time.Second, 2 * time.Second},
	"both, 20 clients":      {20, &limit.Adaptive{}, &limit.Adaptive{}, 0.95, 2 * time.Second, 4 * time.Second},
}

func storm(t *testing.T, play func(t *testing.T, w *world, side string)) {
	for name, side := range sides {
		if raced && name != "both, 20 clients" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for seed := range seeds() {
				play(t, &world{seed: uint64(seed), clients: side.clients, atClient: side.client, atServer: side.server, timeout: 500 * time.Millisecond}, name)
			}
		})
	}
}

func TestTwiceTheCapacityIsServedUpToTheCapacity(t *testing.T) {
	storm(t, func(t *testing.T, w *world, side string) {
		w.duration = 50 * time.Second
		w.load = func(at time.Duration) float64 {
			if at > 10*time.Second && at < 40*time.Second {
				return 2 * capacity
			}
			return capacity / 2
		}
		w.play(t)
		during := w.in(15*time.Second, 40*time.Second)
		goodput := float64(during.good) / 25 / capacity
		back := w.recovered(40 * time.Second)
		before := w.in(0, 10*time.Second)
		text := fmt.Sprintf("seed %d: goodput %.1f %%, p99 %s, back after %s, refused before %d", w.seed, 100*goodput, during.p99, back, before.refused)
		t.Log(text)
		if goodput < sides[side].goodput || during.p99 > 250*time.Millisecond || back > sides[side].recovers || before.refused > 0 {
			t.Error(text)
		}
	})
}

func TestGoodputReturnsAtOnceAfterTemporarySlowness(t *testing.T) {
	storm(t, func(t *testing.T, w *world, side string) {
		w.duration = 30 * time.Second
		w.load = func(time.Duration) float64 { return 0.8 * capacity }
		w.service = slower(5, 10*time.Second, 20*time.Second)
		w.play(t)
		back := w.recovered(20 * time.Second)
		during := w.in(12*time.Second, 20*time.Second)
		text := fmt.Sprintf("seed %d: goodput %.1f %% of what can be, p99 %s, back after %s", w.seed, 100*float64(during.good)/8/(capacity/5), during.p99, back)
		t.Log(text)
		if back > sides[side].recoversSlowness {
			t.Error(text)
		}
	})
}
