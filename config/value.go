package config

import (
	"context"
	"fmt"
	"io"
	"log/slog"
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

	build *builder      // behind a pointer, so that fmt does not reach what sources said
	turn  chan struct{} // held while build is used
	life  context.Context
	end   context.CancelFunc
	tasks sync.WaitGroup

	mu       sync.Mutex
	watchers []*watcher[change[T]]
	refusals []*watcher[error]
	news     []func() // not yet told
	telling  bool
}

type change[T any] struct{ before, after *T }

func start[T any](b *builder, first *T) *Value[T] {
	v := &Value[T]{build: b, turn: make(chan struct{}, 1)}
	v.current.Store(first)
	v.life, v.end = context.WithCancel(context.Background())
	for _, s := range b.sources {
		if f, ok := s.(follower); ok {
			v.tasks.Go(func() {
				f.follow(v.life, func() { _ = v.Reload(v.life) }, func(err error) { v.refuse(err); v.tell() })
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
	if f == nil {
		panic("config: the function for Value.Watch is nil")
	}
	return enlist(&v.mu, &v.watchers, func(c change[T]) { f(c.before, c.after) })
}

// OnRefused has f called when something new is refused, with what [Value.Err]
// says then: the settings that were good stay in force. What stays refused is told
// once. The calls come as those of [Value.Watch]; each refusal is a warning in
// [slog.Default], too, and so is a word when nothing is refused any more.
func (v *Value[T]) OnRefused(f func(err error)) (stop func()) {
	if f == nil {
		panic("config: the function for Value.OnRefused is nil")
	}
	return enlist(&v.mu, &v.refusals, f)
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
	v.refuse(err)
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
	watchers := v.watchers
	v.news = append(v.news, func() { call(watchers, change[T]{old, fresh}) })
	return err
}

// refuse notes what is refused at present, nil for nothing, and has what is new in
// that told.
func (v *Value[T]) refuse(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.Err()
	v.refused.Store(&err)
	if err == nil && before == nil || err != nil && !newRefusal(before, err) {
		return
	}
	refusals := v.refusals
	v.news = append(v.news, func() {
		if err == nil {
			slog.Info("the settings are accepted again", "settings", v.String())
			return
		}
		slog.Warn("a change of the settings is refused; the last good ones stay in force", "settings", v.String(), "error", err)
		call(refusals, err)
	})
}

// newRefusal says that after tells of something that before does not.
func newRefusal(before, after error) bool {
	known := parts(before)
	return slices.ContainsFunc(parts(after), func(err error) bool {
		return !slices.ContainsFunc(known, func(other error) bool { return sameRefusal(other, err) })
	})
}

// sameRefusal compares the texts. A source that is away says so in other words
// each time, so that its code must do.
func sameRefusal(a, b error) bool {
	return a.Error() == b.Error() || fault.CodeOf(a) == fault.CodeOf(b) && fault.CodeOf(a) != fault.InvalidArgument
}

// parts are the errors that join has joined.
func parts(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // it is what join makes
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// tell calls the watchers, without a lock, for all news that wait. When
// somebody does so already, the news are left to him: that keeps the calls in
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
	for len(v.news) > 0 {
		told := v.news[0]
		v.news = v.news[1:]
		v.mu.Unlock()
		func() {
			defer v.mu.Lock() // also when a watcher panics
			told()
		}()
	}
}

// String is the type of the settings and nothing of what they are: some may be
// secrets, whatever their type.
func (v *Value[T]) String() string { return "config.Value[" + reflect.TypeFor[T]().String() + "]" }

// Format writes String, whatever the verb.
func (v *Value[T]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.String()) }

// LogValue is String.
func (v *Value[T]) LogValue() slog.Value { return slog.StringValue(v.String()) }
