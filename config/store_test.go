package config_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/config"
	"github.com/sinew-go/sinew/fault"
)

// unreliableStore is a store that can become unreachable.
type unreliableStore struct {
	*config.Memory
	away  atomic.Bool
	lists atomic.Int32
}

func (m *unreliableStore) List(ctx context.Context, service, environment string) ([]config.Configuration, error) {
	m.lists.Add(1)
	if m.away.Load() {
		return nil, fault.Unavailable.Errorf("the store is away")
	}
	return m.Memory.List(ctx, service, environment)
}

// Watch ends when the store is unreachable, as a careless implementation might.
func (m *unreliableStore) Watch(ctx context.Context, service, environment string) iter.Seq2[[]config.Configuration, error] {
	return func(yield func([]config.Configuration, error) bool) {
		if m.away.Load() {
			yield(nil, fault.Unavailable.Errorf("the store is away"))
			return
		}
		for list, err := range m.Memory.Watch(ctx, service, environment) {
			if m.away.Load() || !yield(list, err) {
				return
			}
		}
	}
}

func set(t *testing.T, s config.Store, c config.Configuration) config.Configuration {
	t.Helper()
	c.Service = "orders"
	stored, err := s.Set(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func TestStoreIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := config.NewMemory(config.MemoryPolicy{})
		v, err := config.Load(defaults(), config.FromStore(store, "orders", "prod"))
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		port := set(t, store, config.Configuration{Environment: "prod", Key: "http.port", Value: 5})
		set(t, store, config.Configuration{Key: "http.port", Value: 4})
		set(t, store, config.Configuration{Key: "retry", Value: map[string]any{"attempts": 7}})
		set(t, store, config.Configuration{Key: "limits", Value: "a: 1\nb: 2\n", Type: config.YAML})
		set(t, store, config.Configuration{Key: "hosts", Value: `["x","y"]`, Type: config.JSON})
		set(t, store, config.Configuration{Environment: "test", Key: "addr", Value: "not here"})
		synctest.Wait()
		got := v.Get()
		if got.HTTP.Port != 5 || got.Retry.Attempts != 7 || got.Limits["b"] != 2 || len(got.Hosts) != 2 || got.Addr != ":8080" {
			t.Errorf("got %+v, %v", got, v.Err())
		}
		port.Value = 666
		port = set(t, store, port)
		synctest.Wait()
		if v.Get() != got || !errors.Is(v.Err(), errPort) {
			t.Errorf("got %+v, %v", v.Get(), v.Err())
		}
		if err := store.Delete(t.Context(), "orders", "prod", "http.port"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if v.Get().HTTP.Port != 4 || v.Err() != nil {
			t.Errorf("got %+v, %v", v.Get(), v.Err())
		}
	})
}

func TestAPartInTheStoreOverridesItsObject(t *testing.T) {
	store := config.NewMemory(config.MemoryPolicy{})
	set(t, store, config.Configuration{Key: "http.port", Value: 9})
	set(t, store, config.Configuration{Key: "http", Value: map[string]any{"port": 1, "ratio": 0.25}})
	if got := mustLoad(t, config.FromStore(store, "orders", "")).Get().HTTP; got.Port != 9 || got.Ratio != 0.25 {
		t.Errorf("got %+v", got)
	}
}

func TestAStoreThatIsAwayLeavesTheLastGoodInForceAndReconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &unreliableStore{Memory: config.NewMemory(config.MemoryPolicy{})}
		c := set(t, store, config.Configuration{Key: "addr", Value: "one"})
		v, err := config.Load(defaults(), config.FromStore(store, "orders", ""))
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		store.away.Store(true)
		c.Value = "two"
		set(t, store, c)
		before := store.lists.Load()
		bubble.Sleep(time.Minute)
		if v.Get().Addr != "one" || !errors.Is(v.Err(), fault.Unavailable) {
			t.Errorf("away: %s, %v", v.Get().Addr, v.Err())
		}
		if n := store.lists.Load() - before; n > 30 {
			t.Errorf("it was asked %d times in a minute", n)
		}
		store.away.Store(false)
		bubble.Sleep(10 * time.Second)
		synctest.Wait()
		if v.Get().Addr != "two" || v.Err() != nil {
			t.Errorf("back: %s, %v", v.Get().Addr, v.Err())
		}
	})
}

func TestAStoreThatEndsItsWatchesIsWatchedAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &unreliableStore{Memory: config.NewMemory(config.MemoryPolicy{})}
		c := set(t, store, config.Configuration{Key: "addr", Value: "0"})
		v, err := config.Load(defaults(), config.FromStore(store, "orders", ""))
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		outage := func(d time.Duration, addr string) {
			store.away.Store(true)
			c.Value = addr
			c = set(t, store, c)
			bubble.Sleep(d)
			store.away.Store(false)
		}
		for n := range 5 {
			outage(time.Minute, "long")
			bubble.Sleep(10 * time.Second)
			addr := fmt.Sprint("short ", n)
			outage(time.Millisecond, addr)
			bubble.Sleep(350 * time.Millisecond)
			synctest.Wait()
			if got := v.Get().Addr; got != addr {
				t.Errorf("350 ms after a short outage it is %q, want %q", got, addr)
			}
		}
	})
}

func TestCloseWaitsForAWatcherThatIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := config.NewMemory(config.MemoryPolicy{})
		v, err := config.Load(defaults(), config.FromStore(store, "orders", ""))
		if err != nil {
			t.Fatal(err)
		}
		ended := false
		v.Watch(func(_, _ *settings) {
			bubble.Sleep(time.Minute)
			ended = true
		})
		synctest.Wait()
		set(t, store, config.Configuration{Key: "addr", Value: "two"})
		synctest.Wait()
		start := time.Now()
		if err := v.Close(); err != nil || time.Since(start) != time.Minute || !ended {
			t.Errorf("Close took %s (%v), and the call has ended: %v", time.Since(start), err, ended)
		}
	})
}

func TestStoreThatCannotBeWatchedIsListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := config.NewMemory(config.MemoryPolicy{})
		v, err := config.Load(defaults(), config.FromStore(struct{ config.Store }{memory}, "orders", ""))
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		set(t, memory, config.Configuration{Key: "addr", Value: "two"})
		bubble.Sleep(9 * time.Second)
		if v.Get().Addr != ":8080" {
			t.Error("it is asked too often")
		}
		bubble.Sleep(2 * time.Second)
		if v.Get().Addr != "two" {
			t.Error("it is not asked")
		}
	})
}

func TestStoreThatHangsDoesNotHangLoadOrClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := config.Load(defaults(), config.FromStore(hanging{}, "orders", ""))
		if fault.CodeOf(err) != fault.DeadlineExceeded || time.Since(start) != 10*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

type hanging struct{ config.Store }

func (hanging) List(ctx context.Context, _, _ string) ([]config.Configuration, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestReloadEndsWithItsContext(t *testing.T) {
	v := mustLoad(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.Reload(ctx); !errors.Is(err, context.Canceled) || v.Err() != nil {
		t.Errorf("got %v, Err %v", err, v.Err())
	}
}

func TestEntriesOfTheStoreAreNamedAndSecretsWithheld(t *testing.T) {
	store := config.NewMemory(config.MemoryPolicy{Key: config.NewSecretKey()})
	for _, tt := range []struct {
		key string
		c   config.Configuration
	}{
		{key: "http.prot", c: config.Configuration{Value: 1}},
		{key: "http.port", c: config.Configuration{Value: "hunter2", Encrypted: true}},
		{key: "retry.backoff", c: config.Configuration{Value: "hunter2", Encrypted: true}},
		{key: "since", c: config.Configuration{Value: "hunter2", Encrypted: true}},
		{key: "limits", c: config.Configuration{Value: "hunter2: hunter2", Type: config.YAML, Encrypted: true}},
		{key: "timeout", c: config.Configuration{Value: "hunter2", Encrypted: true}},
	} {
		tt.c.Key, tt.c.Environment = tt.key, "prod"
		stored := set(t, store, tt.c)
		_, err := load(t, config.FromStore(store, "orders", "prod"))
		checkError(t, err, "store entry "+tt.key+" of orders/prod", tt.key)
		if err := store.Delete(t.Context(), "orders", "prod", stored.Key); err != nil {
			t.Fatal(err)
		}
	}
	set(t, store, config.Configuration{Key: "password", Value: "hunter2", Encrypted: true})
	set(t, store, config.Configuration{Key: "http.port", Value: 77, Encrypted: true})
	if got := mustLoad(t, config.FromStore(store, "orders", "prod")).Get(); got.Password.Reveal() != "hunter2" || got.HTTP.Port != 77 {
		t.Errorf("got %+v", got)
	}
}
