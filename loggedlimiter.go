package sinew

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
)

// episodeCheckInterval is how often the calls that pass ask whether an episode is over.
const episodeCheckInterval = time.Second

// loggedLimiter is an adaptive limiter that logs when it starts to refuse calls and when it
// is lifted. Refusals beyond the policy's own Max are no such episode. While there is
// none, a call that passes reads one atomic.
type loggedLimiter struct {
	*limit.AdaptiveLimiter
	log *slog.Logger

	refusing  atomic.Bool
	nextCheck atomic.Int64 // Unix time, ns

	mu            sync.Mutex
	start         time.Time
	refusedBefore int64
}

// Acquire is that of the limiter.
func (l *loggedLimiter) Acquire(ctx context.Context) (limit.AdaptivePermit, error) {
	permit, err := l.AdaptiveLimiter.Acquire(ctx)
	switch {
	case err == nil:
		if l.refusing.Load() {
			l.onPass()
		}
	case fault.ReasonOf(err) == fault.ReasonOverloaded && !l.refusing.Load():
		l.onRefusal()
	}
	return permit, err
}

func (l *loggedLimiter) onRefusal() {
	s := l.Snapshot()
	if s.Phase == limit.Unlimited {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refusing.Load() {
		return
	}
	l.start, l.refusedBefore = time.Now(), s.Refused-1
	l.nextCheck.Store(l.start.Add(episodeCheckInterval).UnixNano())
	l.refusing.Store(true)
	l.log.Warn("the limit refuses calls", "phase", string(s.Phase), "reason", string(s.Reason), "limit", s.Limit,
		"in_flight", s.InFlight, "baseline", s.Baseline, "target", s.Target)
}

func (l *loggedLimiter) onPass() {
	now, next := time.Now(), l.nextCheck.Load()
	if now.UnixNano() < next || !l.nextCheck.CompareAndSwap(next, now.Add(episodeCheckInterval).UnixNano()) {
		return
	}
	s := l.Snapshot()
	if s.Phase != limit.Unlimited {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refusing.Swap(false) {
		l.log.Info("the limit is lifted", "duration", now.Sub(l.start), "refused", s.Refused-l.refusedBefore)
	}
}
