package loadbalance_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/loadbalance"
)

// seeds is how many seeds each storm runs with: two, one with the race detector, or
// SINEW_STORM_SEEDS.
func seeds() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("SINEW_STORM_SEEDS"), 10, 32); err == nil {
		return n
	}
	if raced {
		return 1
	}
	return 2
}

const load60 = 0.6 * capacity

func TestAMuchSlowerInstanceIsAvoidedAndSoonUsedAgain(t *testing.T) {
	inWorlds(t, loadbalance.Policy{}, func(t *testing.T, w *world) {
		w.run(10*time.Second, load60)
		calm := w.between(2*time.Second, 10*time.Second).p99(-1)
		w.servers[3].factor = 20
		w.run(30*time.Second, load60)
		w.servers[3].factor = 1
		w.run(10*time.Second, load60)
		storm := w.between(15*time.Second, 40*time.Second)
		back := w.between(45*time.Second, 50*time.Second)
		t.Logf("p99 calm %v storm %v; to slow %.2f%%, first 5 s %.2f%%, back %.2f%%", calm, storm.p99(3), storm.share(3), w.between(10*time.Second, 15*time.Second).share(3), back.share(3))
		most := 0.3
		if len(w.clients) > 1 {
			most = 1
		}
		if got := storm.share(3); got > most {
			t.Errorf("%.2f %% of the calls went to it", got)
		}
		if got := storm.p99(3); got > calm*11/10 {
			t.Errorf("p99 is %s, calm %s", got, calm)
		}
		if got := back.share(3); got < 5 {
			t.Errorf("it is used again for %.2f %%", got)
		}
	})
}

func TestASlightlySlowerInstanceCostsLittle(t *testing.T) {
	inWorlds(t, loadbalance.Policy{}, func(t *testing.T, w *world) {
		w.servers[3].factor = 1.6
		w.run(40*time.Second, load60)
		all := w.between(10*time.Second, 40*time.Second)
		t.Logf("p99 %v; to slow %.2f%%", all.p99(-1), all.share(3))
		most := 31 * time.Millisecond
		if len(w.clients) > 1 {
			most = 33 * time.Millisecond
		}
		if got := all.p99(-1); got > most {
			t.Errorf("p99 is %s", got)
		}
	})
}

func TestAFastFailingInstanceGetsAlmostNoCalls(t *testing.T) {
	inWorlds(t, loadbalance.Policy{}, func(t *testing.T, w *world) {
		w.run(10*time.Second, load60)
		w.servers[7].err = fault.Internal.Errorf("boom")
		w.run(30*time.Second, load60)
		got := w.between(12*time.Second, 40*time.Second).share(7)
		t.Logf("%.3f%%", got)
		if got > 0.5 {
			t.Errorf("%.2f %% of the calls went to it", got)
		}
	})
}

func TestAFastRefusingInstanceGetsNoMoreThanItsFairShare(t *testing.T) {
	inWorlds(t, loadbalance.Policy{}, func(t *testing.T, w *world) {
		w.run(10*time.Second, load60)
		w.servers[7].err = fault.ResourceExhausted.Errorf("quota")
		w.run(20*time.Second, load60)
		got := w.between(10*time.Second, 30*time.Second).share(7)
		t.Logf("%.3f%%", got)
		if got > 10 {
			t.Errorf("%.2f %% of the calls went to it", got)
		}
	})
}

func TestWhenHalfOfTheInstancesFailAllOfThemAreOut(t *testing.T) {
	inWorlds(t, loadbalance.Policy{}, func(t *testing.T, w *world) {
		w.run(10*time.Second, 0.4*capacity)
		for _, s := range w.servers[:5] {
			s.err = fault.Internal.Errorf("boom")
		}
		w.run(20*time.Second, 0.4*capacity)
		after := w.between(12*time.Second, 30*time.Second)
		good, to := 0, 0.0
		for _, c := range after.calls {
			if c.good {
				good++
			}
		}
		for n := range 5 {
			to += after.share(n)
		}
		t.Logf("good %.2f%%, to the bad %.2f%%, p99 %v", 100*float64(good)/float64(len(after.calls)), to, after.p99(-1))
		for _, b := range w.clients {
			for n := range 5 {
				if i := state(t, b, strconv.Itoa(n)); !i.Ejected && !i.Probation {
					t.Errorf("%+v", i)
				}
			}
		}
		if to > 2 {
			t.Errorf("%.2f %% of the calls went to those that fail", to)
		}
	})
}
