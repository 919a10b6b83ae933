package loadbalance_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/registry"
)

var byHash = loadbalance.Policy{Algorithm: loadbalance.ConsistentHash, SlowStart: loadbalance.SlowStart{Disabled: true}}

func owner(t interface{ Fatal(...any) }, b *loadbalance.Pool, key string) string {
	picked, err := b.Pick(context.Background(), loadbalance.Request{HashKey: key})
	if err != nil {
		t.Fatal(err)
	}
	picked.Done(context.Background(), nil)
	return picked.Instance.ID
}

func TestAKeyHasTheSameInstanceInEveryProcessAndAfterAnyUpdates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weighted := func(n int, label string) []registry.Instance {
			all := many(n)
			for i := range all {
				all[i].Metadata = map[string]string{"weight": rapid.SampledFrom([]string{"1", "1", "2", "7.5"}).Draw(t, label)}
			}
			return all
		}
		last := weighted(rapid.IntRange(1, 8).Draw(t, "instances"), "weight")
		fresh, old := pool(byHash, last), pool(byHash, nil)
		for range rapid.IntRange(0, 3).Draw(t, "updates") {
			old.Update(weighted(rapid.IntRange(0, 12).Draw(t, "before"), "weight before"))
		}
		old.Update(last)
		for k := range 50 {
			key := fmt.Sprint("user-", k)
			if a, b := owner(t, fresh, key), owner(t, old, key); a != b {
				t.Fatalf("%s has %s and %s", key, a, b)
			}
		}
	})
}

// Processes of other versions rely on the hash of a key.
func TestKeysHaveTheSameInstancesInEveryVersion(t *testing.T) {
	b := pool(byHash, many(10))
	got := ""
	for _, key := range []string{"a", "user-1", "12345678", "a longer key than the others", "ключ"} {
		got += owner(t, b, key)
	}
	if got != "66835" {
		t.Errorf("the instances are %s", got)
	}
}

func TestRemovalMovesOnlyTheKeysOfTheRemoved(t *testing.T) {
	all := many(50)
	b := pool(byHash, all)
	const keys = 900
	before := make([]string, keys)
	for k := range before {
		before[k] = owner(t, b, fmt.Sprint(k))
	}
	b = pool(byHash, append(append([]registry.Instance{}, all[:7]...), all[8:]...))
	moved := 0
	for k, id := range before {
		switch now := owner(t, b, fmt.Sprint(k)); {
		case id == "7":
			moved++
		case now != id:
			t.Fatalf("key %d of %s went to %s", k, id, now)
		}
	}
	if moved > keys*3/100 {
		t.Errorf("%d of %d moved", moved, keys)
	}
}

func TestNoInstanceExceedsItsBoundInFlight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "instances")
		b := pool(byHash, many(n))
		var running []loadbalance.Picked
		flying := map[string]int{}
		for range 200 {
			if len(running) > 0 && rapid.IntRange(0, 2).Draw(t, "end") == 0 {
				k := rapid.IntRange(0, len(running)-1).Draw(t, "which")
				running[k].Done(t.Context(), nil)
				flying[running[k].Instance.ID]--
				running = append(running[:k], running[k+1:]...)
				continue
			}
			key := rapid.SampledFrom([]string{"hot", "hot", "hot", "x", "y"}).Draw(t, "key")
			picked, err := b.Pick(t.Context(), loadbalance.Request{HashKey: key})
			if err != nil {
				t.Fatal(err)
			}
			running = append(running, picked)
			flying[picked.Instance.ID]++
			if most := (5*len(running) + 4*n - 1) / (4 * n); flying[picked.Instance.ID] > most {
				t.Fatalf("%s has %d of %d in flight, its bound is %d", picked.Instance.ID, flying[picked.Instance.ID], len(running), most)
			}
		}
	})
}

func TestPopularKeysOverloadNoInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(byHash, many(50))
		z := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, 9999)
		got := map[string]int{}
		const calls = 50_000
		for range calls {
			got[owner(t, b, fmt.Sprint(z.Uint64()))]++
			<-time.After(200 * time.Microsecond)
		}
		for id, n := range got {
			if float64(n) > 1.25*calls/50 {
				t.Errorf("%s got %d of %d", id, n, calls)
			}
		}
	})
}

func TestACallWithoutAKeyGoesToARandomInstance(t *testing.T) {
	got := counts(t, pool(byHash, many(4)), 400, succeeds)
	if len(got) != 4 {
		t.Errorf("%v", got)
	}
}
