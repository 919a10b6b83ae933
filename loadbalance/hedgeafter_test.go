package loadbalance_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/loadbalance"
)

func TestHedgeAfterIsTheMeanLatencyOfTheMedianInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := pool(loadbalance.Policy{}, many(5))
		fail(t, b, "0", 5)
		<-time.After(5 * time.Second)
		if picked, ok := probe(t, b, safe); !ok || picked.HedgeAfter != 100*time.Millisecond {
			t.Errorf("before any success it is %s", picked.HedgeAfter)
		}
		b = pool(loadbalance.Policy{}, many(5))
		traffic(t, b, 5*time.Millisecond, 20*time.Second, func(id string) (time.Duration, error) {
			if id == "3" {
				return time.Second, nil
			}
			return 10 * time.Millisecond, nil
		})
		var got time.Duration
		for got == 0 {
			picked, err := b.Pick(t.Context(), safe)
			if err != nil {
				t.Fatal(err)
			}
			got = picked.HedgeAfter
			<-time.After(10 * time.Millisecond)
			picked.Done(t.Context(), nil)
		}
		if got < 9*time.Millisecond || got > 11*time.Millisecond {
			t.Errorf("one takes a second and the others 10 ms, and it is %s", got)
		}
	})
}

func TestHedgeAfterIsLongerWithFewCallsOrAfterAGoodProbe(t *testing.T) {
	for gap, first := range map[time.Duration]time.Duration{2 * time.Millisecond: 10 * time.Millisecond, 100 * time.Millisecond: 30 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			b := pool(loadbalance.Policy{}, many(3))
			traffic(t, b, gap, 5*time.Second, takes(10*time.Millisecond))
			fail(t, b, "0", 5)
			traffic(t, b, gap, 4900*time.Millisecond, takes(10*time.Millisecond))
			<-time.After(200 * time.Millisecond)
			for n, want := range []time.Duration{first, 30 * time.Millisecond} {
				picked, ok := probe(t, b, safe)
				if !ok {
					t.Fatal("no probe")
				}
				if got := picked.HedgeAfter; got < want*8/10 || got > want*12/10 {
					t.Errorf("a call every %s, after %d good probes it is %s", gap, n, got)
				}
				<-time.After(10 * time.Millisecond)
				picked.Done(t.Context(), nil)
			}
		})
	}
}
