package breaker

import (
	"slices"
	"sync"
	"sync/atomic"
)

// listeners tells changes in order, one at a time, with no lock held.
type listeners struct {
	waiting atomic.Int32

	mu      sync.Mutex
	all     []*func(Change)
	changes []Change
	telling bool
}

func (l *listeners) add(f func(Change)) (remove func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(slices.Clip(l.all), &f)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all = slices.DeleteFunc(slices.Clone(l.all), func(other *func(Change)) bool { return other == &f })
	}
}

// queue keeps a change for deliver.
func (l *listeners) queue(c Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) > 0 {
		l.changes = append(l.changes, c)
		l.waiting.Add(1)
	}
}

// deliver tells what is queued, unless another goroutine is at it, which then
// tells this too.
func (l *listeners) deliver() {
	if l.waiting.Load() == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.telling {
		return
	}
	l.telling = true
	defer func() { l.telling = false }()
	for len(l.changes) > 0 {
		c, all := l.changes[0], l.all
		l.changes = l.changes[1:]
		l.waiting.Add(-1)
		l.tell(all, c)
	}
}

func (l *listeners) tell(all []*func(Change), c Change) {
	l.mu.Unlock()
	defer l.mu.Lock()
	for _, f := range all {
		(*f)(c)
	}
}
