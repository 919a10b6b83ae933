package service

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/internal/backoff"
)

// idleCallerTime is how long callers must not have called before a service that only they
// know stops answering.
const idleCallerTime = 100 * time.Millisecond

// DrainDelay is how long a stopping service still answers, so that its callers notice.
type DrainDelay struct {
	// Delay is the time; zero and less is none.
	Delay time.Duration
	// UntilIdle ends it once nobody has called for 100 ms, and at once if nobody ever has.
	UntilIdle bool

	recentlyCalled atomic.Bool // since Wait reset it
}

// Called records that somebody calls the service.
func (d *DrainDelay) Called() {
	if !d.recentlyCalled.Load() {
		d.recentlyCalled.Store(true)
	}
}

// Wait waits while callers learn that the service stops, as long as ctx allows.
func (d *DrainDelay) Wait(ctx context.Context) {
	if !d.UntilIdle {
		_ = backoff.Wait(ctx, d.Delay)
		return
	}
	end := time.Now().Add(d.Delay)
	for d.recentlyCalled.Swap(false) && time.Now().Before(end) && ctx.Err() == nil {
		_ = backoff.Wait(ctx, idleCallerTime)
	}
}
