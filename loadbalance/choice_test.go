package loadbalance_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
)

var algorithms = []loadbalance.Algorithm{
	loadbalance.PeakEWMA, loadbalance.LeastRequest, loadbalance.RoundRobin, loadbalance.Random, loadbalance.ConsistentHash,
}

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

func TestOneCallAtATimeIsSharedByWeight(t *testing.T) {
	for _, a := range algorithms[1:] {
		got := counts(t, pool(loadbalance.Policy{Algorithm: a}, instances("1", "3")), 4000, succeeds)
		if got["a"] < 850 || got["a"] > 1150 {
			t.Errorf("%s: weights 1 and 3 got %v", a, got)
		}
	}
}

func TestLeastRequestLevelsCallsInFlightByWeight(t *testing.T) {
	b := pool(loadbalance.Policy{Algorithm: loadbalance.LeastRequest}, instances("1", "1", "2"))
	for range 400 {
		pick(t, b) // and let it run
	}
	for id, want := range map[string]int{"a": 100, "b": 100, "c": 200} {
		if got := state(t, b, id).InFlight; got < want*9/10 || got > want*11/10 {
			t.Errorf("%s has %d in flight, not %d", id, got, want)
		}
	}
}

func TestLeastRequestAvoidsTheBusyInstance(t *testing.T) {
	b := pool(loadbalance.Policy{Algorithm: loadbalance.LeastRequest}, instances("", ""))
	only(t, b, "a")
	if got := counts(t, b, 100, succeeds); got["b"] != 100 {
		t.Errorf("a has a call in flight, and they got %v", got)
	}
}

func TestPeakEWMAPrefersTheFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, instances("", "", ""))
		got := counts(t, b, 3000, func(id string) (time.Duration, error) {
			if id == "a" {
				return 100 * time.Millisecond, nil
			}
			return 10 * time.Millisecond, nil
		})
		if got["a"] > 150 || got["a"] == 0 || got["b"] < 1000 || got["c"] < 1000 {
			t.Errorf("a takes ten times as long as the others, and they got %v", got)
		}
	})
}

func TestPeakEWMAForgivesOneSlowCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, instances("", ""))
		counts(t, b, 20, func(string) (time.Duration, error) { return 10 * time.Millisecond, nil })
		slow := only(t, b, "a")
		<-time.After(10 * time.Second)
		slow.Done(context.Background(), nil)
		quick := func(string) (time.Duration, error) { return 10 * time.Millisecond, nil }
		if got := counts(t, b, 100, quick); got["b"] < 90 {
			t.Errorf("right after the peak: %v", got)
		}
		<-time.After(10 * time.Minute)
		counts(t, b, 1000, quick)
		if got := counts(t, b, 1000, quick); got["a"] < 300 {
			t.Errorf("long after the peak: %v", got)
		}
	})
}

func TestAFastFailingInstanceIsNeverPreferred(t *testing.T) {
	for name, ejection := range map[string]loadbalance.Ejection{"ejected": {}, "not ejected": {Disabled: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := pool(loadbalance.Policy{Ejection: ejection}, instances("", "", ""))
				got := counts(t, b, 3000, func(id string) (time.Duration, error) {
					if id == "a" {
						return 10 * time.Microsecond, errDown
					}
					return 10 * time.Millisecond, nil
				})
				if got["a"] > 300 {
					t.Errorf("a fails at once, and they got %v", got)
				}
			})
		})
	}
}

func TestAnInstanceThatHangsFromTheStartGetsFewCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, instances("", "", ""))
		got := counts(t, b, 500, func(id string) (time.Duration, error) {
			if id == "a" {
				return time.Second, fault.DeadlineExceeded.Errorf("our own limit")
			}
			return 10 * time.Millisecond, nil
		})
		if got["a"] > 25 {
			t.Errorf("a hangs, and they got %v", got)
		}
	})
}

func TestOneSlowCallBesideAHangingInstanceCostsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{Ejection: loadbalance.Ejection{Disabled: true}}, instances("", "", ""))
		counts(t, b, 30, func(string) (time.Duration, error) { return 10 * time.Millisecond, nil })
		hangs := only(t, b, "a")
		<-time.After(30 * time.Second)
		hangs.Done(context.Background(), errDown)
		counts(t, b, 10, func(string) (time.Duration, error) { return 10 * time.Millisecond, nil })
		fail(t, b, "b", 1)
		if l := state(t, b, "b").Latency; l > 0.1 {
			t.Errorf("one refusal is charged %.3f s", l)
		}
	})
}

func TestANewInstanceStartsWithTheAverageLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, instances("", ""))
		for id, took := range map[string]time.Duration{"a": 10 * time.Millisecond, "b": 30 * time.Millisecond} {
			picked := only(t, b, id)
			<-time.After(took)
			picked.Done(context.Background(), nil)
		}
		b.Update(instances("", "", ""))
		if l := state(t, b, "c").Latency; math.Abs(l-0.020) > 1e-6 {
			t.Errorf("it begins at %.4f s", l)
		}
		if l := state(t, b, "a").Latency; math.Abs(l-0.010) > 1e-6 {
			t.Errorf("Update made the known latency %.4f s", l)
		}
		got := 0
		for range 60 { // all at once
			if pick(t, b).Instance.ID == "c" {
				got++
			}
		}
		if got > 30 {
			t.Errorf("the new one drew %d of 60 calls", got)
		}
	})
}

func TestEveryInstanceIsTriedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 20 {
			b := pool(loadbalance.Policy{}, instances("", ""))
			first := true
			got := counts(t, b, 3, func(string) (time.Duration, error) {
				if first { // the first call has to connect
					first = false
					return 5 * time.Millisecond, nil
				}
				return time.Millisecond, nil
			})
			if got["a"] == 0 || got["b"] == 0 {
				t.Fatalf("one call at a time went to %v", got)
			}
		}
	})
}

func TestTriedInstancesAreAvoidedWhileThereIsAnother(t *testing.T) {
	for _, a := range algorithms {
		b := pool(loadbalance.Policy{Algorithm: a}, instances("1000", "1", "0.001"))
		for range 200 {
			if got := pick(t, b, "a", "b").Instance.ID; got != "c" {
				t.Fatalf("%s: after a and b it picked %s", a, got)
			}
			if got := pick(t, b, "a").Instance.ID; got == "a" {
				t.Fatalf("%s: after a it picked a", a)
			}
		}
		got := map[string]bool{}
		b = pool(loadbalance.Policy{Algorithm: a}, instances("", "", ""))
		for range 300 {
			got[pick(t, b, "a", "b", "c", "gone").Instance.ID] = true
		}
		if len(got) != 3 {
			t.Errorf("%s: when all were tried, it uses %v", a, got)
		}
	}
}

func TestWhenAllWereTriedAnEjectedOneIsStillAvoided(t *testing.T) {
	for _, a := range algorithms {
		b := pool(loadbalance.Policy{Algorithm: a, Ejection: loadbalance.Ejection{Period: time.Hour}}, instances("", ""))
		fail(t, b, "a", 5)
		for range 100 {
			if got := pick(t, b, "a", "b").Instance.ID; got != "b" {
				t.Fatalf("%s: it picked %s", a, got)
			}
		}
	}
}

func TestEveryPickIsAnInstanceOfTheLastUpdate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := loadbalance.New("orders", loadbalance.Policy{Algorithm: rapid.SampledFrom(algorithms).Draw(t, "algorithm")})
		known := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 0, 4)
		for range rapid.IntRange(1, 5).Draw(t, "updates") {
			now := map[string]bool{}
			var all []registry.Instance
			for _, id := range known.Draw(t, "instances") { // an id may be there twice
				w := rapid.SampledFrom([]string{"", "1", "7.5", "0", "-1", "NaN", "1e400", "x"}).Draw(t, "weight")
				all = append(all, registry.Instance{ID: id, Metadata: map[string]string{"weight": w}})
				now[id] = true
			}
			b.Update(all)
			for range 20 {
				picked, err := b.Pick(context.Background(), loadbalance.Request{Tried: known.Draw(t, "tried")})
				if (err == nil) != (len(now) > 0) {
					t.Fatalf("%d instances: %v", len(now), err)
				}
				if err != nil {
					continue
				}
				if !now[picked.Instance.ID] {
					t.Fatalf("picked %s of %v", picked.Instance.ID, now)
				}
				picked.Done(context.Background(), rapid.SampledFrom([]error{nil, errDown}).Draw(t, "end"))
			}
		}
	})
}
