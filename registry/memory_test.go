package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/registry/registrytest"
)

func TestMemoryKeepsTheRules(t *testing.T) {
	registrytest.Run(t, registrytest.Features{NoCrash: true, NoLoss: true}, func(*testing.T) registry.Registry {
		return registry.NewMemory()
	})
}

func TestMemoryGivesASlowReaderTheNewest(t *testing.T) {
	m := registry.NewMemory()
	sets := 0
	for set := range m.Watch(t.Context(), "orders") {
		if sets++; sets == 1 {
			for n := range 100 { // while the reader is busy
				register(t, m, orders(fmt.Sprint(n)))
			}
			continue
		}
		if len(set) != 100 {
			t.Errorf("the next set has %d instances", len(set))
		}
		break
	}
}

func TestMemorySortsByID(t *testing.T) {
	m := registry.NewMemory()
	for _, id := range []string{"c", "a", "d", "b"} {
		register(t, m, orders(id))
	}
	for set := range m.Watch(t.Context(), "orders") {
		if got := ids(set); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
			t.Errorf("it is %v", got)
		}
		break
	}
}

func TestMemoryWakesNoWatchOfAnotherService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := registry.NewMemory()
		ctx, cancel := context.WithCancel(t.Context())
		sets, done := 0, make(chan struct{})
		go func() {
			defer close(done)
			for range m.Watch(ctx, "carts") {
				sets++
			}
		}()
		synctest.Wait()
		register(t, m, orders("1"))
		synctest.Wait()
		cancel()
		<-done
		if sets != 1 {
			t.Errorf("it was woken %d times", sets)
		}
	})
}

func TestMemorySetsTheTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := registry.NewMemory()
		first := time.Now()
		register(t, m, orders("1"))
		bubble.Sleep(time.Minute)
		if err := m.SetStatus(t.Context(), "1", registry.Unhealthy); err != nil {
			t.Fatal(err)
		}
		all, err := m.Services(t.Context())
		if err != nil || len(all) != 1 || !all[0].RegisteredAt.Equal(first) ||
			!all[0].UpdatedAt.Equal(time.Now()) || !all[0].LastHeartbeat.Equal(time.Now()) {
			t.Errorf("%+v, %v", all, err)
		}
	})
}

func TestAfterTheContextEndsMemoryOnlyDeregisters(t *testing.T) {
	m := registry.NewMemory()
	register(t, m, orders("1"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, listed := m.Services(ctx)
	for _, c := range []struct {
		what string
		err  error
	}{
		{what: "Register", err: m.Register(ctx, orders("2"))},
		{what: "SetStatus", err: m.SetStatus(ctx, "1", registry.Unknown)},
		{what: "Services", err: listed},
	} {
		if !errors.Is(c.err, fault.Canceled) {
			t.Errorf("%s: %v", c.what, c.err)
		}
	}
	if err := m.Deregister(ctx, "1"); err != nil {
		t.Errorf("Deregister: %v", err)
	}
	if all, err := m.Services(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestMemoryServesManyAtOnce(t *testing.T) {
	m := registry.NewMemory()
	ctx, cancel := context.WithCancel(t.Context())
	var writers, readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for set := range m.Watch(ctx, "orders") {
				if !slices.IsSortedFunc(set, func(a, b registry.Instance) int { return strings.Compare(a.ID, b.ID) }) {
					t.Error("a set is out of order")
				}
			}
		})
	}
	for n := range 8 {
		writers.Go(func() {
			i := orders(fmt.Sprint(n))
			for range 200 {
				register(t, m, i)
				if err := m.SetStatus(ctx, i.ID, registry.Unhealthy); err != nil {
					t.Error(err)
				}
				if err := m.Deregister(ctx, i.ID); err != nil {
					t.Error(err)
				}
			}
			register(t, m, i)
		})
	}
	writers.Wait()
	for set := range m.Watch(ctx, "orders") {
		if len(set) != 8 {
			t.Errorf("%d are left", len(set))
		}
		break
	}
	cancel()
	readers.Wait()
}

func orders(id string) registry.Instance {
	return registry.Instance{ID: id, Name: "orders", Endpoint: "http://10.0.0.1:8080", Status: registry.Healthy}
}

func register(t testing.TB, r registry.Registrar, i registry.Instance) {
	t.Helper()
	if err := r.Register(context.Background(), i); err != nil {
		t.Error(err)
	}
}

func ids(set []registry.Instance) []string {
	got := []string{}
	for _, i := range set {
		got = append(got, i.ID)
	}
	return got
}
