package limit_test

import (
	"math/rand/v2"
	"testing"
	"time"
)

func flat(rate float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return rate }
}

// mixed is a share of calls that take times as long as the others.
func mixed(base time.Duration, times, share float64) func(time.Duration, *rand.Rand) time.Duration {
	return func(_ time.Duration, r *rand.Rand) time.Duration {
		took := float64(base) * (0.5 + 0.5*r.ExpFloat64())
		if r.Float64() < share {
			took *= times
		}
		return time.Duration(took)
	}
}

// calms are worlds that bear their load.
var calms = map[string]world{
	"half the capacity":               {load: flat(0.5 * capacity), patience: 500 * time.Millisecond},
	"60 % of it":                      {load: flat(0.6 * capacity), patience: 500 * time.Millisecond},
	"80 % of it":                      {load: flat(0.8 * capacity), patience: 500 * time.Millisecond},
	"80 % of it without a deadline":   {load: flat(0.8 * capacity)},
	"80 % of it with a long deadline": {load: flat(0.8 * capacity), patience: 30 * time.Second},
	"bursts of 40 at half of it":      {load: flat(0.5 * capacity), batch: 40, patience: 500 * time.Millisecond},
	"bursts of 100 at half of it":     {load: flat(0.5 * capacity), batch: 100, patience: 500 * time.Millisecond},
	"bursts of 20 at 80 % of it":      {load: flat(0.8 * capacity), batch: 20, patience: 500 * time.Millisecond},
	"one call a second":               {load: flat(1), patience: 500 * time.Millisecond},
	"one call a second, bursts of 20": {load: flat(1), batch: 20},
	"calls of 5 s from the start":     {load: flat(20), workers: 40, service: mixed(5*time.Second, 1, 0)},
	"1 % a hundred times slower":      {load: flat(500), workers: 40, service: mixed(10*time.Millisecond, 100, 0.01), patience: 10 * time.Second},
	"10 % a hundred times slower":     {load: flat(200), workers: 40, service: mixed(10*time.Millisecond, 100, 0.1)},
	"30 % a hundred times slower":     {load: flat(200), workers: 40, service: mixed(10*time.Millisecond, 100, 0.3), patience: 30 * time.Second},
	"half of 1 ms and half of 100 ms": {load: flat(1000), workers: 40, service: mixed(time.Millisecond, 100, 0.5), patience: 500 * time.Millisecond},
}

func TestNothingIsRefusedWhereTheLoadIsBorne(t *testing.T) {
	for name, calm := range calms {
		for _, side := range where() {
			t.Run(name+"/"+side, func(t *testing.T) {
				for seed := range (seeds() + 1) / 2 {
					w := calm
					w.seed, w.lasts = uint64(seed), calmLasts()
					w.clients, w.atClient, w.atServer = sides[side].clients, sides[side].client, sides[side].server
					w.play(t)
					if f := w.in(0, w.lasts); f.refused > 0 {
						t.Errorf("seed %d: %d of %d refused, p99 %s", seed, f.refused, f.all, f.p99)
					}
				}
			})
		}
	}
}

// where are the sides that all but the storms are tried on.
func where() []string {
	if raced {
		return []string{"20 clients"}
	}
	return []string{"one client", "20 clients", "servers"}
}

// calmLasts is ten minutes where all seeds are played.
func calmLasts() time.Duration {
	if seeds() > 2 {
		return 10 * time.Minute
	}
	return 20 * time.Second
}
