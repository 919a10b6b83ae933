package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

func TestOneWatchIsSharedByAllWhoAsk(t *testing.T) {
	resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				stop := r.Subscribe("orders", func([]registry.Instance) {})
				defer stop()
				r.Snapshot("orders")
			})
		}
		all.Wait()
		s.list("a")
		if n := s.begun.Load(); n != 1 {
			t.Errorf("%d watches", n)
		}
	})
}

func TestASubscriberGetsOneListAtATimeAndTheNewestNext(t *testing.T) {
	resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
		var running, most atomic.Int32
		var sizes []int
		stop := r.Subscribe("orders", func(set []registry.Instance) {
			most.Store(max(most.Load(), running.Add(1)))
			sizes = append(sizes, len(set))
			bubble.Sleep(time.Second) // slower than the changes
			running.Add(-1)
		})
		var names []string
		for n := range 10 {
			names = append(names, fmt.Sprint(n))
			s.list(names...)
		}
		bubble.Sleep(10 * time.Second)
		stop()
		if most.Load() != 1 || !slices.Equal(sizes, []int{1, 10}) {
			t.Errorf("%d at once; sizes %v", most.Load(), sizes)
		}
	})
}

func TestAnUnchangedListIsReportedOnce(t *testing.T) {
	resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
		seen := follow(t, r)
		for n := range 5 {
			i := orders("a")
			i.LastHeartbeat = time.Now().Add(time.Duration(n) * time.Second)
			s.give(i)
		}
		moved := orders("a")
		moved.Endpoint = "http://elsewhere:1"
		s.give(moved)
		if got := seen(); got != "a a" {
			t.Errorf("it was told %q", got)
		}
	})
}

func TestStopWaitsForARunningCall(t *testing.T) {
	resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
		var calls, ended atomic.Int32
		stop := r.Subscribe("orders", func([]registry.Instance) {
			calls.Add(1)
			bubble.Sleep(time.Minute)
			ended.Add(1)
		})
		s.list("a")
		start := time.Now()
		stop()
		if time.Since(start) != time.Minute || ended.Load() != 1 {
			t.Errorf("stop took %s, %d calls ended", time.Since(start), ended.Load())
		}
		s.list("a", "b")
		bubble.Sleep(time.Hour)
		if calls.Load() != 1 {
			t.Error("it was told of a change after stop")
		}
		stop() // a second call is harmless
	})
}

func TestSubscriberMayAskTheResolver(t *testing.T) {
	resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
		asked := 0
		defer r.Subscribe("orders", func(set []registry.Instance) {
			asked++
			if now := r.Snapshot("orders"); len(now.Instances) != len(set) {
				t.Errorf("%d here, %d there", len(set), len(now.Instances))
			}
			if err := r.WaitReady(t.Context(), "orders"); err != nil {
				t.Error(err)
			}
			r.Subscribe("orders", func([]registry.Instance) {})()
		})()
		s.list("a")
		if asked != 1 {
			t.Errorf("told %d times", asked)
		}
	})
}

func TestWaitReadyWaitsForTheFirstInstance(t *testing.T) {
	resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
		go func() {
			s.fail(errAway)
			s.list()
			bubble.Sleep(time.Minute)
			s.list("a")
		}()
		start := time.Now()
		if err := r.WaitReady(t.Context(), "orders"); err != nil || time.Since(start) != time.Minute {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

func TestWaitReadyReportsWhatIsMissingAndWhy(t *testing.T) {
	resolve(t, registry.ResolverPolicy{}, func(t *testing.T, s *source, r *registry.Resolver) {
		ready := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return r.WaitReady(ctx, "orders")
		}
		check := func(err error, reason string, words ...string) {
			t.Helper()
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != fault.Unavailable || f.Reason != reason || !f.Unprocessed {
				t.Errorf("%v", err)
			}
			for _, w := range words {
				if err == nil || !strings.Contains(err.Error(), w) {
					t.Errorf("%q is missing in: %v", w, err)
				}
			}
		}
		check(ready(), "registry_unreachable", "orders", "has not answered")
		s.fail(errAway)
		check(ready(), "registry_unreachable", "connection refused")
		s.list()
		check(ready(), "no_instance", "no healthy instance of service orders")
		s.list("a")
		if err := ready(); err != nil {
			t.Error(err)
		}
	})
}
