package service_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/service"
)

func TestAServiceStartsOnlyOnce(t *testing.T) {
	state := started(t)
	if err := state.Start(); !errors.Is(err, fault.FailedPrecondition) {
		t.Errorf("a second start: got %v, want %v", err, fault.FailedPrecondition)
	}
}

func TestAServiceThatStopsDoesNotStart(t *testing.T) {
	state := service.NewRunState("inventory")
	state.Stop()
	if err := state.Start(); !errors.Is(err, fault.FailedPrecondition) {
		t.Errorf("a start after the stop: got %v, want %v", err, fault.FailedPrecondition)
	}
}

func TestOneOfManyStopsIsTheFirst(t *testing.T) {
	state := started(t)
	var all sync.WaitGroup
	var first atomic.Int64
	for range 8 {
		all.Go(func() {
			if state.Stop() {
				first.Add(1)
			}
		})
	}
	all.Wait()
	if got := first.Load(); got != 1 {
		t.Errorf("got %d first stops, want 1", got)
	}
}

func TestStoppingIsClosedByTheStopAlone(t *testing.T) {
	state := started(t)
	select {
	case <-state.Stopping():
		t.Error("it is closed while the service runs")
	default:
	}
	state.Stop()
	<-state.Stopping()
}

func TestAStoppingServiceStartsNothingMore(t *testing.T) {
	if err := started(t).Err(); err != nil {
		t.Errorf("while it runs: got %v, want no error", err)
	}
	err := stopped(t).Err()
	if !errors.Is(err, fault.Canceled) {
		t.Errorf("got %v, want %v", err, fault.Canceled)
	}
	wantText(t, err, "inventory", "starts nothing more")
}
