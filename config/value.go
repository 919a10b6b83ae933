package config

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sinew-go/sinew/fault"
)

// Value is the settings as they are now. Make one with [Load]. It is safe for
// concurrent use.
type Value[T any] struct {
	current atomic.Pointer[T]
	refused atomic.Pointer[error]

	build builder
	turn  chan struct{} // held while build is used
	life  context.Context
	end   context.CancelFunc
	tasks sync.WaitGroup

	mu       sync.Mutex
	watchers []*watcher[T]
	changes  []change[T] // not yet told
	telling  bool
}

type watcher[T any] struct {
	f       func(before, after *T)
	stopped atomic.Bool
}

type change[T any] struct {
	before, after *T
	watchers      []*watcher[T]
}

func start[T any](b *builder, first *T) *Value[T] {
	v := &Value[T]{build: *b, turn: make(chan struct{}, 1)}
	v.current.Store(first)
	v.life, v.end = context.WithCancel(context.Background())
	for _, s := range b.sources {
		if f, ok := s.(follower); ok {
			v.tasks.Go(func() {
				f.follow(v.life, func() { _ = v.Reload(v.life) }, func(err error) { v.refused.Store(&err) })
			})
		}
	}
	return v
}

// Get is the newest settings, read-only. It is one atomic load and allocates
// nothing; after Close it stays what it was.
func (v *Value[T]) Get() *T { return v.current.Load() }

// Err is what is refused at present: nil, or the error of the last change that
// was not taken up, or not wholly, or of a source that cannot be followed. It is
// nil again after the next reload that finds nothing wrong.
func (v *Value[T]) Err() error {
	if err := v.refused.Load(); err != nil {
		return *err
	}
	return nil
}

// Watch has f called after each change that follows, with the settings before
// and after it, which differ. The calls come one at a time and in order, on the
// goroutine that found a change; a slow f delays the next call, not Get. f may
// use the Value, except for Close. After stop no new call begins.
func (v *Value[T]) Watch(f func(before, after *T)) (stop func()) {
	w := &watcher[T]{f: f}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.watchers = append(slices.Clip(v.watchers), w)
	return func() {
		w.stopped.Store(true)
		v.mu.Lock()
		defer v.mu.Unlock()
		v.watchers = slices.DeleteFunc(slices.Clone(v.watchers), func(other *watcher[T]) bool { return other == w })
	}
}

// Reload reads every source now. The error says what was refused, as [Value.Err]
// will; sources without a fault are taken up all the same. It is ctx's error
// when that ends first, and fault.FailedPrecondition after Close. When it
// returns, Get gives the outcome, and watchers have been called with it unless
// another goroutine is still busy calling them.
func (v *Value[T]) Reload(ctx context.Context) error {
	err := v.reload(ctx)
	v.tell()
	return err
}

// Close stops following the sources and waits until that is done. The settings
// stay readable. It returns nil, also when called again; a watcher must not
// call it.
func (v *Value[T]) Close() error {
	v.end()
	v.tasks.Wait()
	return nil
}

func (v *Value[T]) reload(ctx context.Context) error {
	select {
	case v.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-v.turn }()
	if v.life.Err() != nil {
		return fault.FailedPrecondition.Errorf("the settings are closed and follow their sources no more")
	}
	next, err := v.build.build(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	v.refused.Store(&err)
	if !next.IsValid() {
		return err
	}
	old, fresh := v.Get(), next.Addr().Interface().(*T)
	if reflect.DeepEqual(old, fresh) {
		return err
	}
	v.current.Store(fresh)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.changes = append(v.changes, change[T]{before: old, after: fresh, watchers: v.watchers})
	return err
}

// tell calls the watchers, without a lock, for all changes that wait. When
// somebody does so already, the changes are left to him: that keeps the calls in
// order and lets a watcher call Reload.
func (v *Value[T]) tell() {
	v.mu.Lock()
	if v.telling {
		v.mu.Unlock()
		return
	}
	v.telling = true
	defer func() {
		v.telling = false
		v.mu.Unlock()
	}()
	for len(v.changes) > 0 {
		c := v.changes[0]
		v.changes = v.changes[1:]
		v.mu.Unlock()
		c.tell(v.mu.Lock)
	}
}

// tell ends with after, also when a watcher panics.
func (c change[T]) tell(after func()) {
	defer after()
	for _, w := range c.watchers {
		if !w.stopped.Load() {
			w.f(c.before, c.after)
		}
	}
}
