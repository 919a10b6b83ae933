package limit_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/limit"
)

func TestAQuickOperationIsNotRefusedBesideASlowOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.NewAdaptive("orders", limit.Adaptive{})
		refused, lasts := 0, time.Now().Add(2*time.Minute)
		var mu sync.Mutex
		call := func(name string, takes time.Duration) {
			ctx := call.With(t.Context(), call.Record{Operation: call.Operation{Name: name}})
			permit, err := l.Acquire(ctx)
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				refused++
				return
			}
			bubble.Sleep(takes)
			permit.Done(ctx, nil)
		}
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				for time.Now().Before(lasts) {
					call("GET /report", 300*time.Millisecond)
				}
			})
		}
		all.Go(func() {
			for time.Now().Before(lasts) {
				call("GET /item", time.Millisecond)
				bubble.Sleep(50 * time.Millisecond)
			}
		})
		all.Wait()
		if refused > 0 {
			t.Errorf("%d calls were refused", refused)
		}
	})
}
