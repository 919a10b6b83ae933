package breaker_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sinew-go/sinew/breaker"
)

// churn makes calls in eight goroutines, a third of which fail, and returns how many
// passed.
func churn(c breaker.Breaker) (passed, failed int64) {
	var group sync.WaitGroup
	var good, bad atomic.Int64
	for i := range 8 {
		group.Go(func() {
			for n := range 20_000 {
				if (n+i)%3 == 0 {
					if callOnce(c, 0, errFailed) {
						bad.Add(1)
					}
				} else if callOnce(c, 0, nil) {
					good.Add(1)
				}
			}
		})
	}
	group.Wait()
	return good.Load() + bad.Load(), bad.Load()
}

func TestEveryCallOfAClosedCircuitIsCounted(t *testing.T) {
	c := breaker.New("orders", breaker.Policy{FailurePercent: 100, Window: time.Hour})
	passed, failed := churn(c)
	s := c.Snapshot()
	if got := s.Statistics; passed != 160_000 || got.TotalRequests != passed || got.FailedRequests != failed || got.SuccessfulRequests != passed-failed {
		t.Errorf("%d passed and %d failed; counted %+v", passed, failed, got)
	}
	if int64(s.FailureCount) != failed {
		t.Errorf("%d of %d failures are in the window", s.FailureCount, failed)
	}
}

func TestTheStatisticsOfACircuitThatOpensAndClosesAddUp(t *testing.T) {
	c := breaker.New("orders", breaker.Policy{MinCalls: 5, FailurePercent: 20, SuccessThreshold: 1, Timeout: 1, MaxTimeout: 1})
	passed, failed := churn(c)
	got := c.Snapshot().Statistics // without those that ended in a later generation
	if got.SuccessfulRequests+got.FailedRequests != got.TotalRequests || got.TotalRequests > passed || got.FailedRequests > failed || got.TotalRequests < passed/10 {
		t.Errorf("%d passed and %d failed; counted %+v", passed, failed, got)
	}
}

func TestADisabledCircuitIsClosedHoweverItsLastCallsEnd(t *testing.T) {
	for range 2000 {
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 1})
		permit, err := c.Allow(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		both.Go(func() { permit.Done(t.Context(), errFailed) })
		both.Go(func() { _ = c.Set(breaker.Policy{Disabled: true}) })
		both.Wait()
		if got := c.State(); got != breaker.Closed {
			t.Fatalf("disabled, and %s", got)
		}
	}
}
