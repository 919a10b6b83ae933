package breaker_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
)

func TestARelayedFailureDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{})
		problem := fault.ProblemOf(fault.WithService(fault.Unavailable.Errorf("down"), "stock"))
		relayed := problem.Err()
		call := func(err error) {
			permit, refused := c.Allow(t.Context())
			if refused != nil {
				t.Fatal(refused)
			}
			permit.Done(t.Context(), err)
		}
		for range 1000 {
			call(relayed)
		}
		if c.State() != breaker.Closed {
			t.Fatal("opened by what another service did")
		}
		for range 20 {
			call(fault.Unavailable)
			bubble.Sleep(20 * time.Millisecond)
		}
		if c.State() != breaker.Open {
			t.Fatal("not opened by failures of its own")
		}
		bubble.Sleep(2 * time.Second)
		call(relayed)
		if c.State() != breaker.Closed {
			t.Errorf("%s, though the callee answers", c.State())
		}
	})
}
