package config

import (
	"slices"
	"sync"
	"sync/atomic"
)

// watcher is somebody who is told of something.
type watcher[A any] struct {
	f       func(A)
	stopped atomic.Bool
}

// enlist adds f to a list that mu guards and that is replaced, never changed.
func enlist[A any](mu *sync.Mutex, list *[]*watcher[A], f func(A)) (stop func()) {
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

// call tells all who have not stopped.
func call[A any](watchers []*watcher[A], what A) {
	for _, w := range watchers {
		if !w.stopped.Load() {
			w.f(what)
		}
	}
}
