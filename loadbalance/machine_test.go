package loadbalance_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/loadbalance"
)

// machine compares a pool with the reference, for steps drawn by next.
func machine(n, steps int, next func(most int) int) error {
	b := pool(loadbalance.Policy{
		Algorithm: loadbalance.Random,
		Ejection:  loadbalance.Ejection{Failures: row, Period: period, MinCalls: 1 << 30, Window: 1},
	}, many(n))
	r := &reference{}
	began := time.Now()
	var ids []string
	for k := range n {
		r.instances = append(r.instances, &referenceInstance{})
		ids = append(ids, fmt.Sprint(k))
	}
	for step := range steps {
		k, what := next(n), next(12)
		if what == 0 {
			<-time.After([]time.Duration{100 * time.Millisecond, period, 12 * period}[next(3)])
		} else {
			others := append(append([]string{}, ids[:k]...), ids[k+1:]...)
			picked, err := b.Pick(context.Background(), loadbalance.Request{Tried: others})
			if err != nil || picked.Instance.ID != ids[k] {
				return fmt.Errorf("step %d: picked %v, %w", step, picked.Instance, err)
			}
			if r.now = time.Since(began); r.now >= r.swept+250*time.Millisecond {
				r.sweep()
			}
			how := []outcome{broken, broken, broken, broken, broken, worked, worked, worked, unreachable, refused, neutral}[what-1]
			r.call(r.instances[k], how)
			how.end(picked)
		}
		r.now = time.Since(began)
		for i, s := range b.Snapshot().Instances {
			p := r.instances[i]
			if want := p.out && r.now < p.until; s.Ejected != want || s.Probation != (p.out && !want) {
				return fmt.Errorf("step %d at %s: the reference has %+v, the pool %+v", step, r.now, *p, s)
			}
		}
	}
	return nil
}

func TestEjectionAndProbationMatchTheReference(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n, draws := rapid.IntRange(1, 6).Draw(rt, "instances"), rapid.SliceOfN(rapid.IntRange(0, 1<<20), 300, 300).Draw(rt, "draws")
		var err error
		synctest.Test(t, func(*testing.T) {
			err = machine(n, 100, func(most int) int {
				next := draws[0] % most
				draws = draws[1:]
				return next
			})
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}

func FuzzEjectionAndProbation(f *testing.F) {
	f.Add([]byte{3, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 0, 7, 0, 7, 0, 7})
	f.Add([]byte{5, 1, 1, 1, 2, 1, 3, 2, 1, 2, 1, 2, 1, 1, 0, 1, 1, 2, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 3 {
			return
		}
		at := 0
		next := func(most int) int {
			at++
			return int(data[at%len(data)]) % most
		}
		synctest.Test(t, func(t *testing.T) {
			if err := machine(1+int(data[0])%6, min(len(data), 200), next); err != nil {
				t.Fatal(err)
			}
		})
	})
}
