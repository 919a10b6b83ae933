package registry_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/bubble"
	"github.com/sinew-go/sinew/registry"
)

func TestAWatchThatEndsByItselfIsRestartedWithGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var begun atomic.Int32
		var lasts atomic.Int64
		r := registry.NewResolver(discoverer(func(ctx context.Context, yield func([]registry.Instance, error) bool) {
			begun.Add(1)
			if yield([]registry.Instance{orders("a")}, nil) {
				select {
				case <-time.After(time.Duration(lasts.Load())):
				case <-ctx.Done():
				}
			}
		}), registry.ResolverPolicy{})
		defer r.Close()
		if err := r.WaitReady(t.Context(), "orders"); err != nil {
			t.Error(err)
		}
		bubble.Sleep(10 * time.Minute)
		if n := begun.Load(); n < 60 || n > 400 {
			t.Errorf("it was begun %d times in ten minutes", n)
		}
		synctest.Wait()
		lasts.Store(int64(20 * time.Second))
		bubble.Sleep(time.Minute)
		from := begun.Load()
		bubble.Sleep(10 * time.Minute)
		if n := begun.Load() - from; n < 28 {
			t.Errorf("one that lasts was begun %d times in ten minutes", n)
		}
	})
}

func TestCloseEndsAllAndKeepsWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource()
		before := bubble.Goroutines()
		r := registry.NewResolver(s, registry.ResolverPolicy{})
		calls := 0
		stop := r.Subscribe("orders", func([]registry.Instance) { calls++ })
		r.Subscribe("orders", func([]registry.Instance) {}) // never stopped
		s.list("a")
		waiting := make(chan error, 1)
		go func() { waiting <- r.WaitReady(context.Background(), "carts") }()
		synctest.Wait()
		var closers sync.WaitGroup
		for range 3 {
			closers.Go(func() {
				if err := r.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
		}
		closers.Wait()
		if err := <-waiting; !errors.Is(err, fault.Unavailable) {
			t.Errorf("Ready: %v", err)
		}
		synctest.Wait()
		if after := bubble.Goroutines(); after > before {
			t.Errorf("%d goroutines before, %d after", before, after)
		}
		stop()
		if now := r.Snapshot("orders"); len(now.Instances) != 1 {
			t.Errorf("it forgot: %+v", now)
		}
		late := 0
		r.Subscribe("orders", func(set []registry.Instance) { late += len(set) })()
		if late != 1 || calls != 1 {
			t.Errorf("subscribed afterwards: %d; before: %d", late, calls)
		}
		if err := r.WaitReady(t.Context(), "orders"); err != nil {
			t.Errorf("Ready of what is known: %v", err)
		}
		if err := r.WaitReady(t.Context(), "never asked for"); !errors.Is(err, fault.Unavailable) {
			t.Errorf("Ready: %v", err)
		}
	})
}

func TestCloseWaitsForASubscriberThatIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSource()
		r := registry.NewResolver(s, registry.ResolverPolicy{})
		ended := false
		r.Subscribe("orders", func([]registry.Instance) {
			bubble.Sleep(time.Minute)
			ended = true
		})
		s.list("a")
		start := time.Now()
		if err := r.Close(); err != nil || time.Since(start) != time.Minute || !ended {
			t.Errorf("Close took %s (%v), and the call has ended: %v", time.Since(start), err, ended)
		}
	})
}

func TestSubscribeStopAndCloseAtOnceLeaveNothing(t *testing.T) {
	m := registry.NewMemory()
	for range 20 {
		r := registry.NewResolver(m, registry.ResolverPolicy{})
		var all sync.WaitGroup
		for n := range 50 {
			all.Go(func() {
				name := fmt.Sprint(n % 7)
				i := orders(fmt.Sprint(n))
				i.Name = name
				stop := r.Subscribe(name, func([]registry.Instance) {})
				register(t, m, i)
				r.Snapshot(name)
				if n == 25 {
					if err := r.Close(); err != nil {
						t.Error(err)
					}
				}
				stop()
			})
		}
		all.Wait()
	}
}
