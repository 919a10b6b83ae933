package loadbalance_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/loadbalance"
)

// An instance continues to work for a caller who has gone for as long as a call takes.
func TestAnAbandonedCallStillCountsAsInFlight(t *testing.T) {
	for name, want := range map[string]bool{"his time ran out": true, "he cancelled": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := pool(loadbalance.Policy{Algorithm: loadbalance.LeastRequest, Seed: 1}, many(2))
				counts(t, b, 200, func(string) (time.Duration, error) { return 20 * time.Millisecond, nil })
				avoided := func() bool {
					got := 0
					for range 20 {
						picked := pick(t, b)
						if picked.Instance.ID == "0" {
							got++
						}
						picked.Done(t.Context(), nil)
					}
					return got == 0
				}
				picked := only(t, b, "0")
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				defer cancel()
				if !want {
					cancel()
				}
				<-ctx.Done()
				picked.Done(ctx, ctx.Err())
				if avoided() != want {
					t.Errorf("the instance that he leaves is avoided: %v", !want)
				}
				if <-time.After(time.Second); avoided() {
					t.Error("and it is so a second later")
				}
			})
		})
	}
}
