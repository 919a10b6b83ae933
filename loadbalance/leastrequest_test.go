package loadbalance_test

import (
	"testing"

	"github.com/sinew-go/sinew/loadbalance"
)

func TestLeastRequestLevelsCallsInFlightByWeight(t *testing.T) {
	b := pool(loadbalance.Policy{Algorithm: loadbalance.LeastRequest}, instances("1", "1", "2"))
	for range 400 {
		pick(t, b) // and let it run
	}
	for id, want := range map[string]int{"a": 100, "b": 100, "c": 200} {
		if got := state(t, b, id).InFlight; got < want*9/10 || got > want*11/10 {
			t.Errorf("%s has %d in flight, not %d", id, got, want)
		}
	}
}

func TestLeastRequestAvoidsTheBusyInstance(t *testing.T) {
	b := pool(loadbalance.Policy{Algorithm: loadbalance.LeastRequest}, instances("", ""))
	only(t, b, "a")
	if got := counts(t, b, 100, succeeds); got["b"] != 100 {
		t.Errorf("a has a call in flight, and they got %v", got)
	}
}
