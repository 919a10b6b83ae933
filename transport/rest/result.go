package rest

import (
	"errors"
	"sync"
	"sync/atomic"
)

// result holds what the attempts of one call decode into, and which of them succeeded
// first. Attempts may overlap, so each decodes into a target of its own.
type result[Resp any] struct {
	ownInUse atomic.Bool // an attempt that goes on or has succeeded uses own
	own      Resp
	first    atomic.Pointer[Resp]
}

// newTarget returns an empty target that no other attempt uses.
func (r *result[Resp]) newTarget() *Resp {
	if r.ownInUse.CompareAndSwap(false, true) {
		return &r.own
	}
	return new(Resp)
}

// finish records how the attempt with this target ended.
func (r *result[Resp]) finish(target *Resp, err error) {
	switch {
	case err == nil:
		r.first.CompareAndSwap(nil, target)
	case target == &r.own:
		var none Resp
		r.own = none
		r.ownInUse.Store(false)
	}
}

// proxiedAnswers are the answers to the attempts of one call, which may overlap.
type proxiedAnswers struct {
	mu  sync.Mutex
	all []proxied
}

func (a *proxiedAnswers) add(p proxied) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, p)
}

// forError returns the answer that belongs to a call that ended with err: the first
// success, or the last answer that describes err. It is nil if there is none.
func (a *proxiedAnswers) forError(err error) *proxied {
	var found *proxied
	for i := range a.all {
		switch p := &a.all[i]; {
		case err == nil && p.err == nil:
			return p
		case err != nil && p.err != nil && isSame(err, p.err):
			found = p
		}
	}
	return found
}

// isSame reports whether err is, or wraps, the failure that an answer describes. A marked
// error is a copy with the same text.
func isSame(err, answered error) bool {
	return errors.Is(err, answered) || err.Error() == answered.Error()
}
