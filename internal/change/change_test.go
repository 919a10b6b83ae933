package change_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/sinew-go/sinew/internal/change"
)

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestNotifyWakesAllThatWaitAndNobodyLater(t *testing.T) {
	var s change.Signal
	s.Notify()
	one, two := s.Next(), s.Next()
	if isClosed(one) || isClosed(two) {
		t.Error("a channel is closed before a change, want it open")
	}
	s.Notify()
	if !isClosed(one) || !isClosed(two) {
		t.Error("a channel is open after a change, want both closed")
	}
	if later := s.Next(); isClosed(later) {
		t.Error("a channel from after the change is closed, want it open until the next one")
	}
}

func TestNotifyWithoutAnyoneWaitingAllocatesNothing(t *testing.T) {
	var s change.Signal
	if n := testing.AllocsPerRun(100, s.Notify); n != 0 {
		t.Errorf("Notify allocates %v times, want 0", n)
	}
}

func ExampleSignal() {
	var mu sync.Mutex
	var changed change.Signal
	version := 1

	mu.Lock()
	seen, next := version, changed.Next()
	mu.Unlock()

	go func() {
		mu.Lock()
		defer mu.Unlock()
		version++
		changed.Notify()
	}()
	<-next
	mu.Lock()
	fmt.Println(seen, "became", version)
	mu.Unlock()
	// Output: 1 became 2
}
