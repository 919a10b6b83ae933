package limit

import "context"

// Turn is permission to run, from [ConcurrencyLimiter.Acquire]. The caller must call
// Release; further calls of Release do nothing.
type Turn struct {
	limiter    *ConcurrencyLimiter
	caller     context.Context //nolint:containedctx // Release checks whether it has ended
	slot       int
	generation uint64
}

// Release ends the turn and admits the next waiting call. A second Release does nothing,
// on any copy of the turn; neither does Release of the zero Turn.
func (t Turn) Release() {
	l := t.limiter
	if l == nil {
		return
	}
	gone := t.caller.Err() != nil
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finish(t, gone)
}

// permits makes each permit end only once. A permit has a slot, which others reuse, and
// the slot's generation at that time. It allocates only when more calls run than ever
// before.
type permits struct {
	generations []uint64 // the current one of each slot
	free        []int
}

func (s *permits) issue(ctx context.Context, l *ConcurrencyLimiter) Turn {
	slot := len(s.generations)
	if n := len(s.free); n > 0 {
		slot, s.free = s.free[n-1], s.free[:n-1]
	} else {
		s.generations = append(s.generations, 0)
	}
	return Turn{l, ctx, slot, s.generations[slot]}
}

// retire is false if the permit has ended before.
func (s *permits) retire(t Turn) bool {
	if s.generations[t.slot] != t.generation {
		return false
	}
	s.generations[t.slot]++
	s.free = append(s.free, t.slot)
	return true
}
