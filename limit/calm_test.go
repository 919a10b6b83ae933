package limit_test

import (
	"math/rand/v2"
	"testing"
	"time"
)

func constantLoad(rate float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return rate }
}

// mixedTimes makes a share of the calls take times as long as the others.
func mixedTimes(base time.Duration, times, share float64) func(time.Duration, *rand.Rand) time.Duration {
	return func(_ time.Duration, r *rand.Rand) time.Duration {
		took := float64(base) * (0.5 + 0.5*r.ExpFloat64())
		if r.Float64() < share {
			took *= times
		}
		return time.Duration(took)
	}
}

// calmWorlds have enough capacity for their load.
var calmWorlds = map[string]world{
	"half the capacity":               {load: constantLoad(0.5 * capacity), timeout: 500 * time.Millisecond},
	"60 % of it":                      {load: constantLoad(0.6 * capacity), timeout: 500 * time.Millisecond},
	"80 % of it":                      {load: constantLoad(0.8 * capacity), timeout: 500 * time.Millisecond},
	"80 % of it without a deadline":   {load: constantLoad(0.8 * capacity)},
	"80 % of it with a long deadline": {load: constantLoad(0.8 * capacity), timeout: 30 * time.Second},
	"bursts of 40 at half of it":      {load: constantLoad(0.5 * capacity), batch: 40, timeout: 500 * time.Millisecond},
	"bursts of 100 at half of it":     {load: constantLoad(0.5 * capacity), batch: 100, timeout: 500 * time.Millisecond},
	"bursts of 20 at 80 % of it":      {load: constantLoad(0.8 * capacity), batch: 20, timeout: 500 * time.Millisecond},
	"one call a second":               {load: constantLoad(1), timeout: 500 * time.Millisecond},
	"one call a second, bursts of 20": {load: constantLoad(1), batch: 20},
	"calls of 5 s from the start":     {load: constantLoad(20), workers: 40, service: mixedTimes(5*time.Second, 1, 0)},
	"1 % a hundred times slower":      {load: constantLoad(500), workers: 40, service: mixedTimes(10*time.Millisecond, 100, 0.01), timeout: 10 * time.Second},
	"10 % a hundred times slower":     {load: constantLoad(200), workers: 40, service: mixedTimes(10*time.Millisecond, 100, 0.1)},
	"30 % a hundred times slower":     {load: constantLoad(200), workers: 40, service: mixedTimes(10*time.Millisecond, 100, 0.3), timeout: 30 * time.Second},
	"half of 1 ms and half of 100 ms": {load: constantLoad(1000), workers: 40, service: mixedTimes(time.Millisecond, 100, 0.5), timeout: 500 * time.Millisecond},
}

func TestNothingIsRefusedWithoutOverload(t *testing.T) {
	for name, calm := range calmWorlds {
		for _, side := range mostSides() {
			t.Run(name+"/"+side, func(t *testing.T) {
				for seed := range (seeds() + 1) / 2 {
					w := calm
					w.seed, w.duration = uint64(seed), calmDuration()
					w.clients, w.atClient, w.atServer = sides[side].clients, sides[side].client, sides[side].server
					w.play(t)
					if f := w.in(0, w.duration); f.refused > 0 {
						t.Errorf("seed %d: %d of %d refused, p99 %s", seed, f.refused, f.all, f.p99)
					}
				}
			})
		}
	}
}

// mostSides are the sides that all tests but the storms run on.
func mostSides() []string {
	if raced {
		return []string{"20 clients"}
	}
	return []string{"one client", "20 clients", "servers"}
}

// calmDuration is ten minutes when all seeds run.
func calmDuration() time.Duration {
	if seeds() > 2 {
		return 10 * time.Minute
	}
	return 20 * time.Second
}
