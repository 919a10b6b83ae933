// Package heartbeat does something periodically, such as renewing a lease.
package heartbeat

import (
	"context"
	"time"
)

// Every calls renew once in each period until stop is called. stop cancels the ctx of a
// renewal that is running, and waits for it.
func Every(ctx context.Context, period time.Duration, renew func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		Until(ctx, period, renew)
	}()
	return func() {
		cancel()
		<-done
	}
}

// Until calls f once in each period until ctx ends.
func Until(ctx context.Context, period time.Duration, f func(ctx context.Context)) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f(ctx)
		}
	}
}
