package rest

import (
	"errors"
	"sync"
	"sync/atomic"
)

// result is what the sends of one call decode into, each for itself as they may
// overlap, and which of them was the first to succeed.
type result[Resp any] struct {
	taken atomic.Bool // own, by a send that goes on or has succeeded
	own   Resp
	won   atomic.Pointer[Resp]
}

// place is where a send decodes into: it is empty, and no other send's.
func (r *result[Resp]) place() *Resp {
	if r.taken.CompareAndSwap(false, true) {
		return &r.own
	}
	return new(Resp)
}

// filled tells how the send ended that was given this place.
func (r *result[Resp]) filled(place *Resp, err error) {
	switch {
	case err == nil:
		r.won.CompareAndSwap(nil, place)
	case place == &r.own:
		var none Resp
		r.own = none
		r.taken.Store(false)
	}
}

// answers are those of the sends of one call, which may overlap.
type answers struct {
	mu  sync.Mutex
	all []passed
}

func (a *answers) add(p passed) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, p)
}

// of is the answer of a call that ended with err, nil where it is of no answer:
// the first success, or the last of those that tell of err.
func (a *answers) of(err error) *passed {
	var found *passed
	for i := range a.all {
		switch p := &a.all[i]; {
		case err == nil && p.err == nil:
			return p
		case err != nil && p.err != nil && same(err, p.err):
			found = p
		}
	}
	return found
}

// same reports whether err is, or came from, what an answer tells of: one that
// was marked is a copy, of the same words.
func same(err, told error) bool { return errors.Is(err, told) || err.Error() == told.Error() }
