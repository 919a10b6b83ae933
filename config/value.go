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

// Value has the current settings, and follows the layers that they come from. Create it
// with [Load]. It is safe for concurrent use.
type Value[T any] struct {
	current atomic.Pointer[T]
	refused atomic.Pointer[error]

	build     *builder      // a pointer, so that fmt does not print the content of the sources
	buildSlot chan struct{} // full while build is in use
	ctx       context.Context
	cancel    context.CancelFunc
	tasks     sync.WaitGroup

	mu              sync.Mutex
	watchers        []*watcher[update[T]]
	refusalWatchers []*watcher[error]
	pendingCalls    []func() // calls of watchers that wait for deliver
	delivering      bool
}

type update[T any] struct{ before, after *T }

func newValue[T any](b *builder, first *T) *Value[T] {
	v := &Value[T]{build: b, buildSlot: make(chan struct{}, 1)}
	v.current.Store(first)
	v.ctx, v.cancel = context.WithCancel(context.Background())
	for _, l := range b.layers {
		v.tasks.Go(func() { l.Watch(v.ctx, v.changed) })
	}
	return v
}

// changed is what a layer calls when it may have changed, or with an error while it
// cannot find out whether it has.
func (v *Value[T]) changed(err error) {
	switch {
	case v.ctx.Err() != nil:
	case err == nil:
		_ = v.Reload(v.ctx)
	default:
		v.setRefused(err)
		v.deliver()
	}
}

// Get returns the newest settings, which are read-only. It is one atomic load and does
// not allocate. After Close it returns the last settings.
func (v *Value[T]) Get() *T { return v.current.Load() }

// Err returns what is refused at present: the error of a change that was not accepted, or
// not completely, or of a source that cannot be followed. It is nil if nothing is
// refused, and again after the next reload without a fault.
func (v *Value[T]) Err() error {
	if err := v.refused.Load(); err != nil {
		return *err
	}
	return nil
}

// Watch calls f after each later change, with the settings before and after it, which
// differ. The calls are sequential and in order, on the goroutine that found the change.
// A slow f delays the next call, but not Get. f may use the Value, except Close. After
// stop returns, no new call starts. Watch panics if f is nil.
func (v *Value[T]) Watch(f func(before, after *T)) (stop func()) {
	if f == nil {
		panic("config: the function for Value.Watch is nil")
	}
	return addWatcher(&v.mu, &v.watchers, func(c update[T]) { f(c.before, c.after) })
}

// OnRefused calls f when something new is refused, with what [Value.Err] returns then;
// the last good settings stay in force. A refusal that persists is reported once. The
// calls are sequential and in order, like those of [Value.Watch], and f may use the
// Value, except Close. After stop returns, no new call starts. Each refusal is also
// logged to [slog.Default] as a warning, and its end as information. OnRefused panics if
// f is nil.
func (v *Value[T]) OnRefused(f func(err error)) (stop func()) {
	if f == nil {
		panic("config: the function for Value.OnRefused is nil")
	}
	return addWatcher(&v.mu, &v.refusalWatchers, f)
}

// Reload reads every layer immediately. The error is what was refused, as [Value.Err]
// returns it; layers without a fault are accepted nevertheless, unless the settings as a
// whole do not Validate. If ctx ends first, it is the error of ctx, and after Close
// fault.FailedPrecondition. When Reload returns, Get returns the result, and watchers
// have been called with it unless another goroutine is still calling them.
func (v *Value[T]) Reload(ctx context.Context) error {
	err := v.reload(ctx)
	v.deliver()
	return err
}

// Close stops following the sources, and returns when no layer is watched any more. The
// settings stay readable. It always returns nil and may be called again. The functions
// given to [Value.Watch] and [Value.OnRefused] must not call it.
func (v *Value[T]) Close() error {
	v.cancel()
	v.tasks.Wait()
	return nil
}

func (v *Value[T]) reload(ctx context.Context) error {
	select {
	case v.buildSlot <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-v.buildSlot }()
	if v.ctx.Err() != nil {
		return fault.FailedPrecondition.Errorf("the settings are closed and no longer follow their sources")
	}
	next, err := v.build.build(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	v.setRefused(err)
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
	v.pendingCalls = append(v.pendingCalls, func() { notifyAll(watchers, update[T]{old, fresh}) })
	return err
}

// setRefused sets what is refused at present, nil for nothing, and queues the report of
// what is new.
func (v *Value[T]) setRefused(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.Err()
	v.refused.Store(&err)
	if err == nil && before == nil || err != nil && !isNewRefusal(before, err) {
		return
	}
	refusals := v.refusalWatchers
	v.pendingCalls = append(v.pendingCalls, func() {
		if err == nil {
			slog.Info("the settings are accepted again", "settings", v.String())
			return
		}
		slog.Warn("a change of the settings is refused; the last good ones stay in force", "settings", v.String(), "error", err)
		notifyAll(refusals, err)
	})
}

// isNewRefusal reports whether after contains an error that before does not.
func isNewRefusal(before, after error) bool {
	known := splitErrors(before)
	return slices.ContainsFunc(splitErrors(after), func(err error) bool {
		return !slices.ContainsFunc(known, func(other error) bool { return isSameRefusal(other, err) })
	})
}

// isSameRefusal compares the texts. A source that cannot be reached may describe that in
// other words each time, so the same code is enough then.
func isSameRefusal(a, b error) bool {
	return a.Error() == b.Error() || fault.CodeOf(a) == fault.CodeOf(b) && fault.CodeOf(a) != fault.InvalidArgument
}

// splitErrors returns the errors that joinErrors has joined.
func splitErrors(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // it is what join makes
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// deliver makes all pending calls, without holding the lock. If another goroutine is
// doing so, the calls are left to it: that keeps them in order and lets a watcher call
// Reload.
func (v *Value[T]) deliver() {
	v.mu.Lock()
	if v.delivering {
		v.mu.Unlock()
		return
	}
	v.delivering = true
	defer func() {
		v.delivering = false
		v.mu.Unlock()
	}()
	for len(v.pendingCalls) > 0 {
		next := v.pendingCalls[0]
		v.pendingCalls = v.pendingCalls[1:]
		v.mu.Unlock()
		func() {
			defer v.mu.Lock() // also when a watcher panics
			next()
		}()
	}
}

// String returns the type of the settings and none of their content, which may be secret
// whatever its type.
func (v *Value[T]) String() string { return "config.Value[" + reflect.TypeFor[T]().String() + "]" }

// Format writes String for every verb.
func (v *Value[T]) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.String()) }

// LogValue returns String.
func (v *Value[T]) LogValue() slog.Value { return slog.StringValue(v.String()) }
