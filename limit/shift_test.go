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

// shifts are worlds that become others after 20 s, and bear their load then, too.
var shifts = map[string]world{
	"6 times slower": {
		load: flat(400), service: slower(6, 20*time.Second, time.Hour), patience: 500 * time.Millisecond,
	},
	"6 times slower, without a deadline": {
		load: flat(400), service: slower(6, 20*time.Second, time.Hour),
	},
	"6 times slower, at 80 % then": {
		load: flat(4000), workers: 30, service: slower(6, 20*time.Second, time.Hour), patience: 500 * time.Millisecond,
	},
	"20 times slower": {
		load: flat(1000), workers: 40, service: slower(20, 20*time.Second, time.Hour), patience: 1500 * time.Millisecond,
	},
	"20 times slower, without a deadline": {
		load: flat(1000), workers: 40, service: slower(20, 20*time.Second, time.Hour),
	},
	"20 times slower, with a short deadline": {
		load: flat(1000), workers: 40, service: slower(20, 20*time.Second, time.Hour), patience: time.Second,
	},
	"the slow operation alone": {
		load: flat(300), workers: 60, service: alone, patience: 5 * time.Second,
	},
	"the slow operation alone, without a deadline": {
		load: flat(300), workers: 60, service: alone,
	},
	"the slow operation alone, few calls": {
		load: flat(20), workers: 60, service: alone,
	},
}

// alone is 1 % of calls a hundred times slower, and nothing else from 20 s on.
func alone(at time.Duration, r *rand.Rand) time.Duration {
	if at < 20*time.Second {
		return mixed(10*time.Millisecond, 100, 0.01)(at, r)
	}
	return mixed(time.Second, 1, 0)(at, r)
}

func TestWhatIsSlowerForGoodIsLetThroughAgain(t *testing.T) {
	for name, shift := range shifts {
		for _, side := range where() {
			t.Run(name+"/"+side, func(t *testing.T) {
				for seed := range (seeds() + 1) / 2 {
					w := shift
					w.seed, w.lasts = uint64(seed), 80*time.Second
					w.clients, w.atClient, w.atServer = sides[side].clients, sides[side].client, sides[side].server
					w.play(t)
					dip := w.in(20*time.Second, 40*time.Second)
					after := w.in(40*time.Second, w.lasts)
					text := fmt.Sprintf("%s, %s, seed %d: %.1f %% refused within 20 s, %.2f %% good then, good for 3 s after %s", name, side, seed, 100*float64(dip.refused)/float64(dip.all), 100*after.share(), w.recovered(20*time.Second))
					t.Log(text)
					if 2*dip.refused > dip.all || after.share() < 0.95 {
						t.Error(text)
					}
				}
			})
		}
	}
}

func TestAnHourOfTooMuchMovesNothing(t *testing.T) {
	for _, side := range where() {
		for name, patience := range map[string]time.Duration{"": 5 * time.Second, ", without a deadline": 0} {
			t.Run(side+name, func(t *testing.T) {
				w := &world{lasts: time.Hour, patience: patience, load: func(at time.Duration) float64 {
					if at < 30*time.Second {
						return 0.6 * capacity / 10
					}
					return 1.2 * capacity / 10
				}}
				if seeds() <= 2 {
					w.lasts = 10 * time.Minute
				}
				w.service = slower(10, 0, 2*time.Hour)
				w.clients, w.atClient, w.atServer = sides[side].clients, sides[side].client, sides[side].server
				w.play(t)
				const found = 2 * time.Minute // by then calls were late, and the limit is found
				after := w.limits[found/(100*time.Millisecond) : w.lasts/(100*time.Millisecond)]
				low, high, median := span(after)
				var p99s []time.Duration
				for at := found; at < w.lasts; at += time.Minute {
					p99s = append(p99s, w.in(at, at+time.Minute).p99)
				}
				all := w.in(found, w.lasts)
				text := fmt.Sprintf("goodput %.1f %%, limit %d to %d, median %d, p99 %s to %s", 100*float64(all.good)/(w.lasts-found).Seconds()/(capacity/10), low, high, median, slices.Min(p99s), slices.Max(p99s))
				t.Log(side, name, text)
				if slices.Max(p99s) > 2*slices.Min(p99s) || float64(all.good) < 0.98*(w.lasts-found).Seconds()*capacity/10 {
					t.Error(text)
				}
				if w.clients > 1 { // where the others hold back, one need not
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

func TestManyClientsNeitherStarveNorOverloadAll(t *testing.T) {
	for _, load := range []float64{0.5, 2} {
		w := &world{clients: 100, lasts: 30 * time.Second, load: flat(load * capacity), atClient: &limit.Adaptive{}, patience: 500 * time.Millisecond}
		w.play(t)
		f := w.in(10*time.Second, w.lasts)
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

func TestClientHoldsBackWhereTheServerRefuses(t *testing.T) {
	w := &world{lasts: 30 * time.Second, load: flat(2 * capacity), atClient: &limit.Adaptive{}, atServer: &limit.Adaptive{Min: 8, Max: 8}, patience: 500 * time.Millisecond}
	w.play(t)
	f := w.in(5*time.Second, w.lasts)
	held := w.callers[0].limiter.Snapshot().Refused
	if goodput := float64(f.good) / 25 / capacity; goodput < 0.9 || float64(held) < 0.2*float64(len(w.answers)) {
		t.Errorf("goodput %.2f of capacity, %d of %d held back, %d refused in all", goodput, held, len(w.answers), f.refused)
	}
}
