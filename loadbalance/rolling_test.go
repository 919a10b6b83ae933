package loadbalance_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
)

func TestEjectionNeverExceedsMaxPercent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		all, percent := rapid.IntRange(1, 20).Draw(rt, "instances"), rapid.IntRange(1, 100).Draw(rt, "percent")
		synctest.Test(t, func(t *testing.T) { // a sweep between two calls changes what a failure means
			b := pool(loadbalance.Policy{Ejection: loadbalance.Ejection{Failures: 1, MaxPercent: percent, Period: time.Hour}}, many(all))
			before := 0
			for range 3 * all {
				pick(t, b).Done(t.Context(), errDown)
				out := ejected(b)
				if out > before && out > 1 && out*100 > percent*all || out == all {
					t.Errorf("%d of %d are out, with %d%%", out, all, percent)
				}
				before = out
			}
			if want := min(max(percent*all/100, 1), all-1); before != want {
				t.Errorf("all fail, and %d of %d are out, with %d%%", before, all, percent)
			}
		})
		if t.Failed() {
			rt.FailNow()
		}
	})
}

// Each instance fails its calls just before it leaves and just after it joins.
func TestRollingReplacementFailsNoCallWithTwoAttempts(t *testing.T) {
	for _, a := range algorithms {
		synctest.Test(t, func(t *testing.T) {
			const fleet, steps = 6, 30
			b := pool(loadbalance.Policy{Algorithm: a}, many(fleet))
			call := func(down func(id string) bool, tried ...string) (string, bool) {
				picked := pick(t, b, tried...)
				<-time.After(5 * time.Millisecond)
				if down(picked.Instance.ID) {
					picked.Done(t.Context(), errDown)
					return picked.Instance.ID, false
				}
				picked.Done(t.Context(), nil)
				return picked.Instance.ID, true
			}
			for step := range steps {
				leaves, came := fmt.Sprint(step), fmt.Sprint(step+fleet-1)
				for n := range 100 {
					down := func(id string) bool { return id == leaves && n >= 80 || id == came && n < 20 && step > 0 }
					if first, ok := call(down); !ok {
						if second, ok := call(down, first); !ok {
							t.Errorf("%s: step %d, call %d failed at %s and at %s", a, step, n, first, second)
						}
					}
					if out := ejected(b); out > fleet/2 {
						t.Errorf("%s: step %d: %d of %d are out", a, step, out, fleet)
					}
				}
				b.Update(many(steps + fleet + 1)[step+1 : step+1+fleet])
			}
		})
	}
}

// others are three instances with new ids.
func others(n int) []registry.Instance {
	all := slices.Clone(many(3))
	for i := range all {
		all[i].ID = fmt.Sprint(n, "-", i)
	}
	return all
}

// TestMain checks that it leaves no goroutine behind.
func TestAPoolDoesNotGrow(t *testing.T) {
	b := pool(loadbalance.Policy{}, many(3))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	waves := 100 // of a thousand goroutines
	if raced {
		waves = 20
	}
	for wave := range waves {
		var all sync.WaitGroup
		for n := range 1000 {
			all.Go(func() {
				switch n % 4 {
				case 0:
					if wave < waves-1 { // the last wave's calls are looked at below
						b.Update(others(wave*1000 + n))
					}
				case 1:
					if err := b.Set(loadbalance.Policy{Algorithm: algorithms[n%len(algorithms)], Ejection: loadbalance.Ejection{Failures: 1 + n%3}}); err != nil {
						t.Error(err)
					}
				default:
					picked, err := b.Pick(t.Context(), anyRequest)
					if err != nil {
						t.Error(err)
						return
					}
					runtime.Gosched()
					picked.Done(t.Context(), []error{nil, errDown}[n%2])
				}
			})
		}
		all.Wait()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 5<<20 {
		t.Errorf("it has grown by %d bytes", grown)
	}
	now := b.Snapshot().Instances
	for _, i := range now {
		if i.InFlight != 0 {
			t.Errorf("all calls have ended, and %+v", i)
		}
	}
	if len(now) != 3 {
		t.Errorf("%d instances", len(now))
	}
}
