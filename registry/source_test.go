package registry_test

import (
	"context"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/sinew-go/sinew/registry"
)

// resolve runs check with a resolver of a source, in virtual time.
func resolve(t *testing.T, p registry.ResolverPolicy, check func(t *testing.T, s *source, r *registry.Resolver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSource()
		r := registry.NewResolver(s, p)
		defer r.Close()
		r.Snapshot("orders") // starts the watch
		check(t, s, r)
	})
}

// follow subscribes. It returns a function that returns the IDs of all published lists.
func follow(t *testing.T, r *registry.Resolver) (seen func() string) {
	t.Helper()
	var mu sync.Mutex
	var lists []string
	stop := r.Subscribe("orders", func(set []registry.Instance) {
		mu.Lock()
		defer mu.Unlock()
		lists = append(lists, strings.Join(ids(set), ","))
	})
	t.Cleanup(stop)
	return func() string {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(lists, " ")
	}
}

// source is a discoverer whose watch of "orders" yields what a test supplies.
type source struct {
	discoverer
	begun  atomic.Int32
	events chan func(yield func([]registry.Instance, error) bool) bool
}

func newSource() *source {
	s := &source{events: make(chan func(func([]registry.Instance, error) bool) bool)}
	s.discoverer = func(ctx context.Context, yield func([]registry.Instance, error) bool) {
		s.begun.Add(1)
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-s.events:
				if !e(yield) {
					return
				}
			}
		}
	}
	return s
}

func (s *source) Watch(ctx context.Context, name string) iter.Seq2[[]registry.Instance, error] {
	if name == "orders" {
		return s.discoverer.Watch(ctx, name)
	}
	return func(func([]registry.Instance, error) bool) { <-ctx.Done() }
}

func (s *source) give(set ...registry.Instance) {
	s.events <- func(yield func([]registry.Instance, error) bool) bool { return yield(set, nil) }
	synctest.Wait()
}

func (s *source) list(names ...string) {
	var set []registry.Instance
	for _, n := range names {
		set = append(set, orders(n))
	}
	s.give(set...)
}

func (s *source) fail(err error) {
	s.events <- func(yield func([]registry.Instance, error) bool) bool { return yield(nil, err) }
	synctest.Wait()
}

// discoverer runs a function for every watch.
type discoverer func(ctx context.Context, yield func([]registry.Instance, error) bool)

func (d discoverer) Watch(ctx context.Context, _ string) iter.Seq2[[]registry.Instance, error] {
	return func(yield func([]registry.Instance, error) bool) { d(ctx, yield) }
}

func (discoverer) Services(context.Context, ...string) ([]registry.Instance, error) { return nil, nil }

func split(names string) []string {
	if names == "" {
		return nil
	}
	return strings.Split(names, ",")
}
