package breaker_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"github.com/sinew-go/sinew/breaker"
)

func TestAReaderMayUseTheCircuitAndGetsChangesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 1, SuccessThreshold: 1})
		ctx, cancel := context.WithCancel(t.Context())
		ended, end := context.WithCancel(t.Context())
		end()
		var heard []breaker.State
		var reading sync.WaitGroup
		changes := c.Changes(ctx)
		reading.Go(func() {
			for change := range changes {
				heard = append(heard, change.To)
				c.Snapshot()
				c.State()
				callOnce(c, 0, nil)
				if err := c.Set(c.Policy()); err != nil {
					t.Error(err)
				}
				for range c.Changes(ended) {
					t.Error("heard of what was before")
				}
			}
		})
		for range 3 {
			calls(c, 1, errFailed)
			bubble.Sleep(time.Second)
			calls(c, 1, nil)
		}
		cancel()
		reading.Wait()
		want := slices.Repeat([]breaker.State{breaker.Open, breaker.HalfOpen, breaker.Closed}, 3)
		if !slices.Equal(heard, want) {
			t.Errorf("heard %v", heard)
		}
	})
}

func TestASlowReaderBlocksNoCallAndGetsTheNumberOfMissedChanges(t *testing.T) {
	c := breaker.New("orders", breaker.Policy{})
	ctx, cancel := context.WithCancel(t.Context())
	slow, fast := c.Changes(ctx), c.Changes(t.Context())
	for range 100 {
		c.ForceOpen()
		c.ForceClosed()
	}
	n := 0
	for change := range fast { // left early
		if n++; n == 5 {
			break
		}
		if want := map[bool]int{true: 136}[n == 1]; change.Missed != want {
			t.Errorf("change %d: %d missed, want %d", n, change.Missed, want)
		}
	}
	cancel()
	c.ForceOpen() // there is no reader
	heard := slices.Collect(slow)
	if len(heard) != 64 || heard[0].Missed != 136 || heard[63].To != breaker.Closed {
		t.Errorf("%d heard, from %+v to %+v", len(heard), heard[0], heard[len(heard)-1])
	}
	for i, change := range heard[1:] {
		if change.Missed != 0 || change.From != heard[i].To {
			t.Errorf("after %+v came %+v", heard[i], change)
		}
	}
	for range slow {
		t.Error("looped over twice")
	}
}

func TestReadersGetEveryChangeOfAStormOnceInOrder(t *testing.T) {
	g := breaker.NewGroup("tenants", breaker.Policy{FailureThreshold: 1, SuccessThreshold: 1, Timeout: 1, MaxTimeout: 1, MaxRequests: 8})
	ctx, cancel := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	changes := g.Changes(ctx)
	names := []string{"acme", "globex"}
	reading.Go(func() {
		last, heard := map[string]breaker.State{}, 0
		var newest breaker.Change
		for change := range changes {
			if before, ok := last[change.Name]; ok && change.Missed == 0 && before != change.From {
				t.Errorf("%s: %s to %s, and it was %s", change.Name, change.From, change.To, before)
			}
			if change.Missed > 0 {
				clear(last)
			}
			last[change.Name] = change.To
			newest = change
			heard += 1 + change.Missed
		}
		_, key, _ := strings.Cut(newest.Name, "/")
		if got := g.Get(key).State(); newest.To != got && got != breaker.HalfOpen { // whose time is over
			t.Errorf("last heard that %s is %s; it is %s", key, newest.To, got)
		}
		if heard < 10 {
			t.Errorf("%d changes", heard)
		}
	})
	var storm sync.WaitGroup
	for _, name := range names {
		storm.Go(func() { churn(g.Get(name)) })
	}
	storm.Wait()
	cancel()
	reading.Wait()
}

func TestStateIsRightWithoutTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.New("orders", breaker.Policy{FailureThreshold: 1})
		calls(c, 1, errFailed)
		bubble.Sleep(250*time.Millisecond - 1)
		if got := c.State(); got != breaker.Open {
			t.Errorf("%s while it refuses", got)
		}
		bubble.Sleep(1)
		if got, s := c.State(), c.Snapshot(); got != breaker.HalfOpen || s.State != got {
			t.Errorf("%s and %s when it admits probes", got, s.State)
		}
	})
}
