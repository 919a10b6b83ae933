package breaker_test

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/breaker"
)

func TestListenersMayUseTheCircuitAndHearChangesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 1, SuccessThreshold: 1})
		var heard []breaker.State
		stop := c.OnChange(func(change breaker.Change) {
			heard = append(heard, change.To)
			c.Snapshot()
			c.State()
			call(c, 0, nil)
			if err := c.Set(c.Policy()); err != nil {
				t.Error(err)
			}
		})
		for range 3 {
			calls(c, 1, errFailed)
			<-time.After(time.Second)
			calls(c, 1, nil)
		}
		want := slices.Repeat([]breaker.State{breaker.Open, breaker.HalfOpen, breaker.Closed}, 3)
		if !slices.Equal(heard, want) {
			t.Errorf("heard %v", heard)
		}
		stop()
		calls(c, 1, errFailed)
		if len(heard) != len(want) {
			t.Error("heard a change after stop")
		}
	})
}

func TestListenersHearOneChangeAtATime(t *testing.T) {
	c := breaker.New("orders", breaker.Policy{FailureThreshold: 1, SuccessThreshold: 1, Timeout: 1, MaxTimeout: 1, MaxRequests: 8})
	var busy atomic.Bool
	heard, last := 0, breaker.Closed
	defer c.OnChange(func(change breaker.Change) {
		if busy.Swap(true) {
			t.Error("told of two changes at once")
		}
		if change.From != last {
			t.Errorf("%s to %s, and it was %s", change.From, change.To, last)
		}
		heard++
		last = change.To
		runtime.Gosched()
		busy.Store(false)
	})()
	churn(c)
	if heard < 10 || last != c.State() {
		t.Errorf("%d changes were told, the last to %s; it is %s", heard, last, c.State())
	}
}

// churn makes calls in eight goroutines, a third of which fail, and reports how
// many passed.
func churn(c breaker.Breaker) (passed, failed int64) {
	var group sync.WaitGroup
	var good, bad atomic.Int64
	for i := range 8 {
		group.Go(func() {
			for n := range 20_000 {
				if (n+i)%3 == 0 {
					if call(c, 0, errFailed) {
						bad.Add(1)
					}
				} else if call(c, 0, nil) {
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

func TestTheTallyOfACircuitThatOpensAndClosesAddsUp(t *testing.T) {
	c := breaker.New("orders", breaker.Policy{MinCalls: 5, FailurePercent: 20, SuccessThreshold: 1, Timeout: 1, MaxTimeout: 1})
	defer c.OnChange(func(breaker.Change) { c.Snapshot() })()
	passed, failed := churn(c)
	got := c.Snapshot().Statistics // without those that ended in another era than they began in
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
