package limit

import "context"

// ConcurrencyPermit is permission to run, from [ConcurrencyLimiter.Acquire]. The caller must call
// Done; further calls of Done do nothing.
type ConcurrencyPermit struct {
	limiter    *ConcurrencyLimiter
	caller     context.Context //nolint:containedctx // Done checks whether it has ended
	slot       int
	generation uint64
}

// Done returns the permit and admits the next waiting call. A second Done does nothing,
// on any copy of the permit; neither does Done of the zero ConcurrencyPermit.
func (t ConcurrencyPermit) Done() {
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

func (s *permits) issue(ctx context.Context, l *ConcurrencyLimiter) ConcurrencyPermit {
	slot := len(s.generations)
	if n := len(s.free); n > 0 {
		slot, s.free = s.free[n-1], s.free[:n-1]
	} else {
		s.generations = append(s.generations, 0)
	}
	return ConcurrencyPermit{l, ctx, slot, s.generations[slot]}
}

// retire is false if the permit has ended before.
func (s *permits) retire(t ConcurrencyPermit) bool {
	if s.generations[t.slot] != t.generation {
		return false
	}
	s.generations[t.slot]++
	s.free = append(s.free, t.slot)
	return true
}
