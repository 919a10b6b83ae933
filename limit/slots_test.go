package limit

import (
	"sync"
	"testing"
)

func TestNoMoreThanMaxInFlightSlotsAreInUseWhateverTheLimit(t *testing.T) {
	var s slots
	s.head.Store(maxInFlight * oneInUse)
	if _, _, ok := s.acquire(maxInFlight + 1); ok {
		t.Errorf("there was a slot beyond %d", maxInFlight)
	}
}

func TestAPauseAtTheSameTimeAsDoneExemptsNoLaterCall(t *testing.T) {
	l := NewAdaptive("orders", Adaptive{})
	for range 50_000 {
		permit, err := l.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		both.Go(permit.Pause)
		both.Go(func() { permit.Done(t.Context(), nil) })
		both.Wait()
		if n := l.slots.exempted.Load(); n != 0 {
			t.Fatalf("%d calls need no room after all have ended, want none", n)
		}
	}
}
