package loadbalance_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/loadbalance"
)

// At less than a thousand calls a second every call is timed.
func TestASlowInstanceIsFoundOutAtFewCallsUnderEveryAlgorithm(t *testing.T) {
	for _, a := range algorithms {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{Algorithm: a, Seed: 1}, many(3))
			call := func(key int, slow time.Duration) {
				picked, err := b.Pick(t.Context(), loadbalance.Request{HashKey: fmt.Sprint(key)})
				if err != nil {
					t.Fatal(err)
				}
				took := 5 * time.Millisecond
				if picked.Instance.ID == "0" {
					took = slow
				}
				go func() {
					<-time.After(took)
					picked.Done(context.Background(), nil)
				}()
				<-time.After(5 * time.Millisecond)
			}
			for key := range 2000 {
				call(key, 5*time.Millisecond)
			}
			if state(t, b, "0").Probation {
				t.Errorf("%s: it is on probation while it is as quick as the others", a)
			}
			for key := range 600 {
				call(key, 100*time.Millisecond)
			}
			if !state(t, b, "0").Probation {
				t.Errorf("%s: it is twenty times slower for three seconds, and not on probation", a)
			}
			<-time.After(time.Second)
		})
	}
}
