// Package heartbeat keeps something alive that lapses unless it is renewed.
package heartbeat

import (
	"context"
	"time"
)

// Every calls renew once in each period until stop is called, which waits for a
// call that is going on. That call's ctx ends with stop.
func Every(ctx context.Context, period time.Duration, renew func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(period)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				renew(ctx)
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
