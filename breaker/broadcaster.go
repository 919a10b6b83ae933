package breaker

import (
	"context"
	"iter"
	"slices"
	"sync"
)

// maxPending is how many changes a reader may be behind.
const maxPending = 64

// broadcaster sends changes to readers and waits for none of them.
type broadcaster struct {
	mu      sync.Mutex
	readers []*reader
}

// reader has changes that it has not read yet. The broadcaster's lock guards everything
// but woken.
type reader struct {
	pending    []Change // oldest first
	missed     int
	contextErr func() error
	ended      bool
	woken      chan struct{}
}

// subscribe yields the changes from now on until ctx ends.
func (b *broadcaster) subscribe(ctx context.Context) iter.Seq[Change] {
	r := &reader{contextErr: ctx.Err, woken: make(chan struct{}, 1)}
	b.mu.Lock()
	b.readers = append(b.readers, r)
	b.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { b.unsubscribe(r) })
	return func(yield func(Change) bool) {
		defer stop()
		defer b.unsubscribe(r)
		for {
			c, some, ended := b.next(r)
			switch {
			case some:
				if !yield(c) {
					return
				}
			case ended:
				return
			default:
				<-r.woken
			}
		}
	}
}

// publish queues a change for every reader.
func (b *broadcaster) publish(c Change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.readers {
		if r.contextErr() != nil {
			continue // it is about to be unsubscribed
		}
		if len(r.pending) == maxPending {
			r.pending = slices.Delete(r.pending, 0, 1)
			r.missed++
		}
		r.pending = append(r.pending, c)
		r.wake()
	}
}

// next removes and returns the oldest change, if there is one.
func (b *broadcaster) next(r *reader) (c Change, some, ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(r.pending) == 0 {
		return Change{}, false, r.ended
	}
	c = r.pending[0]
	c.Missed, r.missed = r.missed, 0
	r.pending = slices.Delete(r.pending, 0, 1)
	return c, true, r.ended
}

// unsubscribe queues no further changes for the reader.
func (b *broadcaster) unsubscribe(r *reader) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readers = slices.DeleteFunc(b.readers, func(other *reader) bool { return other == r })
	r.ended = true
	r.wake()
}

func (b *broadcaster) hasReaders() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.readers) > 0
}

func (r *reader) wake() {
	select {
	case r.woken <- struct{}{}:
	default:
	}
}
