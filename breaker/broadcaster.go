package breaker

import (
	"context"
	"iter"
	"slices"
	"sync"
)

// backlog is how many changes a reader may be behind.
const backlog = 64

// feed hands changes to its readers, and waits for none of them.
type feed struct {
	mu      sync.Mutex
	readers []*reader
}

// reader is one who has not yet read some changes. All but more is guarded by
// the feed's lock.
type reader struct {
	changes []Change // oldest first
	missed  int
	gone    func() error // its context's
	ended   bool
	more    chan struct{}
}

// follow gives the changes from now on until ctx ends.
func (f *feed) follow(ctx context.Context) iter.Seq[Change] {
	r := &reader{gone: ctx.Err, more: make(chan struct{}, 1)}
	f.mu.Lock()
	f.readers = append(f.readers, r)
	f.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { f.end(r) })
	return func(yield func(Change) bool) {
		defer stop()
		defer f.end(r)
		for {
			c, some, ended := f.next(r)
			switch {
			case some:
				if !yield(c) {
					return
				}
			case ended:
				return
			default:
				<-r.more
			}
		}
	}
}

// tell queues a change for every reader.
func (f *feed) tell(c Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.readers {
		if r.gone() != nil {
			continue // who is about to be told
		}
		if len(r.changes) == backlog {
			r.changes = slices.Delete(r.changes, 0, 1)
			r.missed++
		}
		r.changes = append(r.changes, c)
		r.wake()
	}
}

// next takes the oldest change, if there is one.
func (f *feed) next(r *reader) (c Change, some, ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(r.changes) == 0 {
		return Change{}, false, r.ended
	}
	c = r.changes[0]
	c.Missed, r.missed = r.missed, 0
	r.changes = slices.Delete(r.changes, 0, 1)
	return c, true, r.ended
}

// end adds no more to what the reader has.
func (f *feed) end(r *reader) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers = slices.DeleteFunc(f.readers, func(other *reader) bool { return other == r })
	r.ended = true
	r.wake()
}

// followed reports whether anybody reads.
func (f *feed) followed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.readers) > 0
}

func (r *reader) wake() {
	select {
	case r.more <- struct{}{}:
	default:
	}
}
