package consul

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/hashicorp/consul/api"

	"github.com/sinew-go/sinew/registry"
)

// reader collects what a watch yields.
type reader struct {
	sets   [][]registry.Instance
	errors []time.Time
	end    func()
}

func read(t *testing.T, r *Registry, name string) *reader {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w, done := &reader{}, make(chan struct{})
	w.end = func() { cancel(); <-done }
	go func() {
		defer close(done)
		for set, err := range r.Watch(ctx, name) {
			if err != nil {
				w.errors = append(w.errors, time.Now())
			} else {
				w.sets = append(w.sets, set)
			}
		}
	}()
	return w
}

// last is the newest set. The caller has waited until nothing changes.
func (w *reader) last() []registry.Instance {
	if len(w.sets) == 0 {
		return nil
	}
	return w.sets[len(w.sets)-1]
}

func TestIndexThatMisbehavesCostsLittleAndHidesNothing(t *testing.T) {
	reported := uint64(0)
	cases := map[string]struct {
		reportedIndex func(index uint64) uint64
		perWait       int           // queries that one wait period may cost
		seen          time.Duration // how late a change may be seen
	}{
		"the truth":         {nil, 2, time.Second},
		"always 0":          {func(uint64) uint64 { return 0 }, 3, queryWait + 2*time.Second},
		"always the same":   {func(uint64) uint64 { return 7 }, 2, queryWait + 2*time.Second},
		"ever lower":        {func(uint64) uint64 { reported--; return reported % 1e6 }, 3, queryWait + 2*time.Second},
		"ever higher":       {func(uint64) uint64 { reported++; return reported }, 35, 2 * time.Second},
		"up, down and zero": {func(uint64) uint64 { reported++; return []uint64{9, 0, 4, 100, 100}[reported%5] }, 8, queryWait + 2*time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reported = 1000
				a := newAgent()
				a.reportedIndex = c.reportedIndex
				r := a.registry(t, Config{TTL: 100 * time.Hour})
				w := read(t, r, "orders")
				defer w.end()
				const periods = 60
				bubble.Sleep(periods * queryWait)
				synctest.Wait()
				if n := a.asked(); n > periods*c.perWait+5 {
					t.Errorf("%d queries in %d wait periods in which nothing happened", n, periods)
				}
				for n := 1; n <= 5; n++ {
					a.change(func() { a.services[fmt.Sprint(n)] = stored(fmt.Sprint(n)) })
					bubble.Sleep(c.seen)
					synctest.Wait()
					if got := len(w.last()); got != n {
						t.Fatalf("%s after change %d there are %d instances", c.seen, n, got)
					}
				}
				a.change(func() { clear(a.services) })
				bubble.Sleep(c.seen)
				synctest.Wait()
				if got := w.last(); len(got) != 0 {
					t.Errorf("all are gone, and it has %v", got)
				}
				if len(w.errors) > 0 {
					t.Errorf("%d errors", len(w.errors))
				}
			})
		})
	}
}

func TestIndexRules(t *testing.T) {
	for _, c := range []struct{ asked, got, next uint64 }{
		{0, 5, 5}, {5, 5, 5}, {5, 9, 9}, {9, 5, 0}, {0, 0, 1}, {1, 0, 0}, {5, 0, 0},
	} {
		if next := nextIndex(c.asked, c.got); next != c.next {
			t.Errorf("asked with %d, got %d: next is %d, not %d", c.asked, c.got, next, c.next)
		}
	}
}

func TestAServerThatResetsItsIndexIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent()
		a.index = 5000
		r := a.registry(t, Config{})
		w := read(t, r, "orders")
		defer w.end()
		bubble.Sleep(time.Second)
		a.set(func() { a.index = 3; a.services["1"] = stored("1") }) // a snapshot was restored without a notification
		bubble.Sleep(queryWait + 5*time.Second)
		synctest.Wait()
		if len(w.last()) != 1 {
			t.Errorf("it has %v", w.last())
		}
		for n := 2; n <= 5; n++ { // afterwards it is as fast as before
			a.change(func() { a.services[fmt.Sprint(n)] = stored(fmt.Sprint(n)) })
			bubble.Sleep(time.Second)
			synctest.Wait()
			if got := len(w.last()); got != n {
				t.Errorf("a second after change %d there are %d instances", n, got)
			}
		}
	})
}

func TestWhileConsulIsAwayQueriesBecomeRarer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent()
		r := a.registry(t, Config{})
		a.down = true
		from := 0 // queries before the outage
		w := read(t, r, "orders")
		defer w.end()
		for range 2 {
			bubble.Sleep(time.Minute)
			synctest.Wait()
			if n := a.asked() - from; n < 8 || n > 100 {
				t.Errorf("it was asked %d times in a minute", n)
			}
			if second := a.queries[from+1].Sub(a.queries[from]); second > errorBackoff.Min*3 {
				t.Errorf("success has not reset the pause: the second try came after %s", second)
			}
			errors := len(w.errors)
			a.set(func() { a.down = false })
			bubble.Sleep(errorBackoff.Max)
			synctest.Wait()
			if len(w.last()) != 0 || len(w.sets) == 0 || len(w.errors) != errors {
				t.Error("its return was not seen")
			}
			a.change(func() { a.down = true })
			synctest.Wait()
			from = a.asked()
		}
	})
}

func TestAReaderGetsTheSetAfterAnOutageEvenIfNothingChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent()
		a.services["1"] = stored("1")
		r := a.registry(t, Config{})
		w := read(t, r, "orders")
		defer w.end()
		bubble.Sleep(time.Second)
		a.change(func() { a.down = true })
		bubble.Sleep(time.Minute)
		a.set(func() { a.down = false })
		bubble.Sleep(errorBackoff.Max)
		synctest.Wait()
		if len(w.sets) != 2 || len(w.sets[1]) != 1 || len(w.errors) == 0 {
			t.Errorf("it heard %d sets and %d errors", len(w.sets), len(w.errors))
		}
	})
}

func TestAConsulThatHangsIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent()
		a.hung = true
		r := a.registry(t, Config{})
		w := read(t, r, "orders")
		defer w.end()
		bubble.Sleep(queryWait + queryGrace + time.Second)
		synctest.Wait()
		if len(w.errors) == 0 {
			t.Error("the reader was told nothing")
		}
	})
}

func TestManyChangesAtOnceCostFewQueries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent()
		r := a.registry(t, Config{})
		w := read(t, r, "orders")
		defer w.end()
		for n := range 1000 {
			a.change(func() { a.services[fmt.Sprint(n)] = stored(fmt.Sprint(n)) })
			bubble.Sleep(time.Millisecond)
		}
		bubble.Sleep(time.Second)
		synctest.Wait()
		if n := a.asked(); n > 40 || len(w.last()) != 1000 {
			t.Errorf("%d queries for %d instances", n, len(w.last()))
		}
	})
}

func TestAnIDAtTwoAgentsIsOneInstanceTheHealthyOne(t *testing.T) {
	old, young, ill := stored("1").entry(), stored("1").entry(), stored("1").entry()
	old.Service.Meta = map[string]string{metaEndpoint: "http://old:1", metaUpdated: "2026-01-01T00:00:00Z"}
	young.Service.Meta = map[string]string{metaEndpoint: "http://young:1", metaUpdated: "2026-01-02T00:00:00Z"}
	ill.Service.Meta = map[string]string{metaEndpoint: "http://ill:1", metaUpdated: "2026-01-03T00:00:00Z"}
	ill.Checks[0].Status = api.HealthCritical
	entries := []*api.ServiceEntry{ill, old, nil, young}
	for range 3 {
		entries = append(entries[1:], entries[0])
		got := instances(slices.Clone(entries))
		if len(got) != 1 || got[0].Endpoint != "http://young:1" {
			t.Errorf("it is %v", got)
		}
	}
}

func stored(id string) *service {
	registration := Config{TTL: time.Hour * 1000}.record(orders(id))
	return &service{AgentServiceRegistration: *registration, status: api.HealthPassing, renewed: time.Now()}
}
