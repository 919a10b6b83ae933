package limit

import "context"

// Turn is permission to run, from [ConcurrencyLimiter.Acquire]. Its Release must
// be called; once is enough.
type Turn struct {
	limiter *ConcurrencyLimiter
	caller  context.Context //nolint:containedctx // asked at the end whether it has gone
	place   int
	life    uint64
}

// Release ends the turn and lets the next call in. A second Release does
// nothing, on any copy of the turn, nor does one of the zero Turn.
func (t Turn) Release() {
	l := t.limiter
	if l == nil {
		return
	}
	gone := t.caller.Err() != nil
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leave(t, gone)
}

// turns tells the turns of a limiter apart, so that one ends once. A turn has a
// place, which others have after it, and its life there; it takes no memory but
// where more run than ever before.
type turns struct {
	lives []uint64 // the one now, by place
	free  []int
}

func (s *turns) begin(ctx context.Context, l *ConcurrencyLimiter) Turn {
	place := len(s.lives)
	if n := len(s.free); n > 0 {
		place, s.free = s.free[n-1], s.free[:n-1]
	} else {
		s.lives = append(s.lives, 0)
	}
	return Turn{l, ctx, place, s.lives[place]}
}

// end is false where the turn has ended before.
func (s *turns) end(t Turn) bool {
	if s.lives[t.place] != t.life {
		return false
	}
	s.lives[t.place]++
	s.free = append(s.free, t.place)
	return true
}
