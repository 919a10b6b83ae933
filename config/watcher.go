package config

import (
	"slices"
	"sync"
	"sync/atomic"
)

// watcher is a registered callback.
type watcher[A any] struct {
	f       func(A)
	stopped atomic.Bool
}

// addWatcher adds f to a list that mu guards. The list is replaced, never modified.
func addWatcher[A any](mu *sync.Mutex, list *[]*watcher[A], f func(A)) (stop func()) {
	w := &watcher[A]{f: f}
	mu.Lock()
	defer mu.Unlock()
	*list = append(slices.Clip(*list), w)
	return func() {
		w.stopped.Store(true)
		mu.Lock()
		defer mu.Unlock()
		*list = slices.DeleteFunc(slices.Clone(*list), func(other *watcher[A]) bool { return other == w })
	}
}

// notifyAll calls all watchers that are not stopped.
func notifyAll[A any](watchers []*watcher[A], what A) {
	for _, w := range watchers {
		if !w.stopped.Load() {
			w.f(what)
		}
	}
}
