package loadbalance_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/loadbalance"
)

func TestRoundRobinPicksInOrder(t *testing.T) {
	b := pool(loadbalance.Policy{Algorithm: loadbalance.RoundRobin}, instances("", "", ""))
	got := ""
	for range 7 {
		got += pick(t, b).Instance.ID
	}
	if !strings.Contains("abcabcabc", got) {
		t.Errorf("it went %s", got)
	}
}

func TestRoundRobinVisitsEachAsOftenAsItsWeightSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.IntRange(1, 20), 1, 8).Draw(t, "weights")
		turns := rapid.IntRange(1, 3000).Draw(t, "turns")
		all, total := many(len(weights)), 0
		for i, w := range weights {
			all[i].Metadata = map[string]string{"weight": fmt.Sprint(w)}
			total += w
		}
		b := pool(loadbalance.Policy{Algorithm: loadbalance.RoundRobin}, all)
		got := map[string]int{}
		for range turns {
			picked, err := b.Pick(context.Background(), anyRequest)
			if err != nil {
				t.Fatal(err)
			}
			got[picked.Instance.ID]++
		}
		for i, w := range weights {
			want := float64(turns*w) / float64(total)
			if off := math.Abs(float64(got[fmt.Sprint(i)]) - want); off > 2+math.Log2(float64(turns)) {
				t.Fatalf("instance %d of weights %v was picked %d times in %d turns, not %.1f", i, weights, got[fmt.Sprint(i)], turns, want)
			}
		}
	})
}

// The reference always picks the instance furthest behind its share. A pool starts at a
// random position; the test compares the round from its best start.
func TestRoundRobinIsAsSmoothAsPickingTheInstanceFurthestBehind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.IntRange(1, 9), 1, 6).Draw(t, "weights")
		all, total := many(len(weights)), 0
		for i, w := range weights {
			all[i].Metadata = map[string]string{"weight": fmt.Sprint(w)}
			total += w
		}
		b := pool(loadbalance.Policy{Algorithm: loadbalance.RoundRobin}, all)
		var turns []int
		ours, best := make([]float64, len(weights)), make([]float64, len(weights))
		for range 2 * total {
			picked, err := b.Pick(t.Context(), anyRequest)
			if err != nil {
				t.Fatal(err)
			}
			var k int
			_, _ = fmt.Sscan(picked.Instance.ID, &k)
			ours[k]++
			turns = append(turns, k)
		}
		off, offBest := math.Inf(1), 0.0
		for from := range total {
			off = min(off, unevenness(weights, turns[from:from+total]))
		}
		for position := 1; position <= total; position++ {
			behind := func(i int) float64 { return float64(position*weights[i])/float64(total) - best[i] }
			last := 0
			for i := range weights {
				if behind(i) > behind(last) {
					last = i
				}
			}
			best[last]++
			for i, w := range weights {
				offBest = max(offBest, math.Abs(best[i]-float64(position*w)/float64(total)))
			}
		}
		if off > offBest+0.75 {
			t.Fatalf("weights %v: off by %.2f turns, the reference by %.2f", weights, off, offBest)
		}
		for i, w := range weights {
			if ours[i] != float64(2*w) {
				t.Fatalf("weights %v: in two rounds they had %v", weights, ours)
			}
		}
	})
}

// unevenness is the maximum difference of an instance's picks from its share.
func unevenness(weights, turns []int) (off float64) {
	had := make([]float64, len(weights))
	for t, k := range turns {
		had[k]++
		for i, w := range weights {
			off = max(off, math.Abs(had[i]-float64((t+1)*w)/float64(len(turns))))
		}
	}
	return off
}

func TestRoundRobinSpreadsTheShareOfAnEjectedInstanceOverAllOthers(t *testing.T) {
	for _, weights := range [][]string{{"", "", "", ""}, {"1", "2", "2", "2"}} {
		b := pool(loadbalance.Policy{Algorithm: loadbalance.RoundRobin, Ejection: loadbalance.Ejection{Period: time.Hour}}, instances(weights...))
		fail(t, b, "a", 5)
		got := counts(t, b, 900, succeeds)
		for _, id := range []string{"b", "c", "d"} {
			if got[id] < 280 || got[id] > 320 {
				t.Errorf("weights %v: %v", weights, got)
			}
		}
	}
}

func TestASeedRepeatsTheStartOfARound(t *testing.T) {
	begin := func(seed uint64) (ids string) {
		b := pool(loadbalance.Policy{Algorithm: loadbalance.RoundRobin, Seed: seed}, many(50))
		for range 3 {
			ids += pick(t, b).Instance.ID + " "
		}
		return ids
	}
	if begin(7) != begin(7) || begin(7) == begin(8) {
		t.Errorf("seeds 7, 7 and 8: %s, %s, %s", begin(7), begin(7), begin(8))
	}
}
