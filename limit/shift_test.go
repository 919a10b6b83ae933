package limit_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sinew-go/sinew/limit"
)

// shiftingWorlds change after 20 s, and have enough capacity after that, too.
var shiftingWorlds = map[string]world{
	"6 times slower": {
		load: constantLoad(400), service: slower(6, 20*time.Second, time.Hour), timeout: 500 * time.Millisecond,
	},
	"6 times slower, without a deadline": {
		load: constantLoad(400), service: slower(6, 20*time.Second, time.Hour),
	},
	"6 times slower, at 80 % then": {
		load: constantLoad(4000), workers: 30, service: slower(6, 20*time.Second, time.Hour), timeout: 500 * time.Millisecond,
	},
	"20 times slower": {
		load: constantLoad(1000), workers: 40, service: slower(20, 20*time.Second, time.Hour), timeout: 1500 * time.Millisecond,
	},
	"20 times slower, without a deadline": {
		load: constantLoad(1000), workers: 40, service: slower(20, 20*time.Second, time.Hour),
	},
	"20 times slower, with a short deadline": {
		load: constantLoad(1000), workers: 40, service: slower(20, 20*time.Second, time.Hour), timeout: time.Second,
	},
	"the slow operation alone": {
		load: constantLoad(300), workers: 60, service: onlySlowCalls, timeout: 5 * time.Second,
	},
	"the slow operation alone, without a deadline": {
		load: constantLoad(300), workers: 60, service: onlySlowCalls,
	},
	"the slow operation alone, few calls": {
		load: constantLoad(20), workers: 60, service: onlySlowCalls,
	},
}

// onlySlowCalls makes 1 % of the calls a hundred times slower, and all calls from 20 s on.
func onlySlowCalls(at time.Duration, r *rand.Rand) time.Duration {
	if at < 20*time.Second {
		return mixedTimes(10*time.Millisecond, 100, 0.01)(at, r)
	}
	return mixedTimes(time.Second, 1, 0)(at, r)
}

func TestNothingIsRefusedOnceSlownessIsPermanent(t *testing.T) {
	for name, shift := range shiftingWorlds {
		for _, side := range mostSides() {
			t.Run(name+"/"+side, func(t *testing.T) {
				for seed := range (seeds() + 1) / 2 {
					w := shift
					w.seed, w.duration = uint64(seed), 80*time.Second
					w.clients, w.atClient, w.atServer = sides[side].clients, sides[side].client, sides[side].server
					w.play(t)
					dip := w.in(20*time.Second, 40*time.Second)
					after := w.in(40*time.Second, w.duration)
					text := fmt.Sprintf("%s, %s, seed %d: %.1f %% refused within 20 s, %.2f %% good then, good for 3 s after %s", name, side, seed, 100*float64(dip.refused)/float64(dip.all), 100*after.goodShare(), w.recovered(20*time.Second))
					t.Log(text)
					if 2*dip.refused > dip.all || after.goodShare() < 0.95 {
						t.Error(text)
					}
				}
			})
		}
	}
}

func TestLimitAndLatencyAreStableInAnHourOfOverload(t *testing.T) {
	for _, side := range mostSides() {
		for name, timeout := range map[string]time.Duration{"": 5 * time.Second, ", without a deadline": 0} {
			t.Run(side+name, func(t *testing.T) {
				w := &world{duration: time.Hour, timeout: timeout, load: func(at time.Duration) float64 {
					if at < 30*time.Second {
						return 0.6 * capacity / 10
					}
					return 1.2 * capacity / 10
				}}
				if seeds() <= 2 {
					w.duration = 10 * time.Minute
				}
				w.service = slower(10, 0, 2*time.Hour)
				w.clients, w.atClient, w.atServer = sides[side].clients, sides[side].client, sides[side].server
				w.play(t)
				const found = 2 * time.Minute // by then calls were late, and the limit is found
				after := w.limits[found/(100*time.Millisecond) : w.duration/(100*time.Millisecond)]
				low, high, median := span(after)
				var p99s []time.Duration
				for at := found; at < w.duration; at += time.Minute {
					p99s = append(p99s, w.in(at, at+time.Minute).p99)
				}
				all := w.in(found, w.duration)
				text := fmt.Sprintf("goodput %.1f %%, limit %d to %d, median %d, p99 %s to %s", 100*float64(all.good)/(w.duration-found).Seconds()/(capacity/10), low, high, median, slices.Min(p99s), slices.Max(p99s))
				t.Log(side, name, text)
				if slices.Max(p99s) > 2*slices.Min(p99s) || float64(all.good) < 0.98*(w.duration-found).Seconds()*capacity/10 {
					t.Error(text)
				}
				if w.clients > 1 { // other clients may limit themselves instead
					return
				}
				if high > 2*median || 2*low < median {
					t.Error(text)
				}
			})
		}
	}
}

func span(limits []int) (low, high, median int) {
	sorted := slices.Sorted(slices.Values(limits))
	return sorted[0], sorted[len(sorted)-1], sorted[len(sorted)/2]
}

func TestManyClientsNeitherStarveNorOverload(t *testing.T) {
	for _, load := range []float64{0.5, 2} {
		w := &world{clients: 100, duration: 30 * time.Second, load: constantLoad(load * capacity), atClient: &limit.Adaptive{}, timeout: 500 * time.Millisecond}
		w.play(t)
		f := w.in(10*time.Second, w.duration)
		least, all := math.MaxInt, 0
		for _, c := range w.callers {
			least, all = min(least, c.served), all+c.served
		}
		text := fmt.Sprintf("load %.1f: goodput %.1f %% of capacity, refused %d, p99 %s, least served %.2f of the mean", load, 100*float64(f.good)/20/capacity, f.refused, f.p99, float64(least)*100/float64(all))
		t.Log(text)
		if float64(f.good) < 0.92*min(load, 1)*capacity*20 || f.p99 > 400*time.Millisecond || load < 1 && f.refused > 0 || 200*least < all {
			t.Error(text)
		}
	}
}

func TestClientLimitsItselfWhereTheServerRefuses(t *testing.T) {
	w := &world{duration: 30 * time.Second, load: constantLoad(2 * capacity), atClient: &limit.Adaptive{}, atServer: &limit.Adaptive{Min: 8, Max: 8}, timeout: 500 * time.Millisecond}
	w.play(t)
	f := w.in(5*time.Second, w.duration)
	refusedByClient := w.callers[0].limiter.Snapshot().Refused
	if goodput := float64(f.good) / 25 / capacity; goodput < 0.9 || float64(refusedByClient) < 0.2*float64(len(w.answers)) {
		t.Errorf("goodput %.2f of capacity, %d of %d held back, %d refused in all", goodput, refusedByClient, len(w.answers), f.refused)
	}
}
