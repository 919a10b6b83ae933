package sinew

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/limit"
)

// episodeCheckInterval is how often the calls that pass ask whether an episode is over.
const episodeCheckInterval = time.Second

// limitEpisode logs when an adaptive limit starts to refuse calls and when it is lifted.
// Refusals beyond the policy's own Max are no episode. While there is none, a call that
// passes reads one atomic.
type limitEpisode struct {
	active    atomic.Bool
	nextCheck atomic.Int64 // Unix time, ns

	mu            sync.Mutex
	start         time.Time
	refusedBefore int64
}

func (e *limitEpisode) onRefusal(log *slog.Logger, l *limit.AdaptiveLimiter) {
	if e.active.Load() {
		return
	}
	s := l.Snapshot()
	if s.Phase == limit.Unlimited {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.active.Load() {
		return
	}
	e.start, e.refusedBefore = time.Now(), s.Refused-1
	e.nextCheck.Store(e.start.Add(episodeCheckInterval).UnixNano())
	e.active.Store(true)
	log.Warn("the limit refuses calls", "phase", string(s.Phase), "reason", string(s.Reason), "limit", s.Limit,
		"in_flight", s.Running, "baseline", s.Usual, "target", s.Target)
}

func (e *limitEpisode) onPass(log *slog.Logger, l *limit.AdaptiveLimiter) {
	if !e.active.Load() {
		return
	}
	now, next := time.Now(), e.nextCheck.Load()
	if now.UnixNano() < next || !e.nextCheck.CompareAndSwap(next, now.Add(episodeCheckInterval).UnixNano()) {
		return
	}
	s := l.Snapshot()
	if s.Phase != limit.Unlimited {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.active.Swap(false) {
		log.Info("the limit is lifted", "duration", now.Sub(e.start), "refused", s.Refused-e.refusedBefore)
	}
}
