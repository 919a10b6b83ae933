package eventbus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

func TestAMillionEventsFromEightPublishersReachEightConsumersInOrder(t *testing.T) {
	const publishers, consumers, keys = 8, 8, 64
	events := 1_000_000
	if testing.Short() {
		events = 50_000
	}
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	type tick struct {
		Key string `json:"key"`
		N   int    `json:"n"`
	}
	ticks := eventbus.Topic[tick]{Name: "tick", Key: func(t tick) string { return t.Key }}
	var last [publishers * keys]struct {
		n    int
		busy atomic.Bool
	}
	index := map[string]int{}
	for i := range last {
		index[fmt.Sprint(i)] = i
		last[i].n = -1
	}
	var handled atomic.Int64
	var wrong atomic.Int64
	for range consumers {
		if err := ticks.Handle(bus, "g", func(_ context.Context, v tick) error {
			l := &last[index[v.Key]]
			if !l.busy.CompareAndSwap(false, true) || v.N != l.n+1 {
				wrong.Add(1)
			}
			if v.N%10_007 == 5 && handled.Load()%2 == 0 { // an occasional failure
				l.busy.Store(false)
				handled.Add(1)
				return errors.New("again")
			}
			l.n = v.N
			l.busy.Store(false)
			handled.Add(1)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	var group sync.WaitGroup
	for p := range publishers {
		group.Go(func() {
			for n := range events / publishers / keys {
				for k := range keys {
					if err := ticks.Publish(t.Context(), bus, tick{Key: fmt.Sprint(p*keys + k), N: n}); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	group.Wait()
	if err := bus.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if wrong.Load() > 0 {
		t.Errorf("%d events out of order or beside another of their key", wrong.Load())
	}
	for i := range last {
		if got := last[i].n + 1; got != events/publishers/keys {
			t.Errorf("key %d: %d of %d events", i, got, events/publishers/keys)
		}
	}
}

func TestPausesBetweenDeliveriesGrowUpToTheirBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{Backoff: time.Second, MaxBackoff: 4 * time.Second})
		last, n := time.Now(), 0
		_, _ = bus.Subscribe("t", "g", func(context.Context, eventbus.Event) error {
			waited := time.Since(last)
			last = time.Now()
			if n++; n > 1 && (waited < time.Second || waited > 4*time.Second) {
				t.Errorf("delivery %d after %s", n, waited)
			}
			if n < 8 {
				return errors.New("again")
			}
			return nil
		})
		if err := bus.Publish(t.Context(), "t", eventbus.Event{Key: "k"}); err != nil {
			t.Fatal(err)
		}
		if err := bus.Close(t.Context()); err != nil || n != 8 {
			t.Errorf("%d deliveries: %v", n, err)
		}
	})
}

func TestACloseThatIsCutShortReportsTheBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
		_, _ = bus.Subscribe("t", "g", func(context.Context, eventbus.Event) error { return errors.New("never") })
		for range 3 {
			_ = bus.Publish(t.Context(), "t", eventbus.Event{})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := bus.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, fault.DeadlineExceeded) {
			t.Errorf("closed with %v", err)
		}
	})
}

func TestPublishThatWaitsForAGroupThatIsCutShortFails(t *testing.T) {
	for name, end := range map[string]func(*eventbus.Memory, func(context.Context) error, context.Context) error{
		"stop": func(_ *eventbus.Memory, stop func(context.Context) error, ctx context.Context) error {
			return stop(ctx)
		},
		"close": func(b *eventbus.Memory, _ func(context.Context) error, ctx context.Context) error {
			return b.Close(ctx)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			bus := eventbus.NewMemory(eventbus.MemoryPolicy{Buffer: 1})
			stop, _ := bus.Subscribe("t", "g", func(ctx context.Context, _ eventbus.Event) error { <-ctx.Done(); return ctx.Err() })
			published := make(chan error, 1)
			_ = bus.Publish(t.Context(), "t", eventbus.Event{})
			go func() { published <- bus.Publish(t.Context(), "t", eventbus.Event{}) }()
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := end(bus, stop, ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
			if err := <-published; !errors.Is(err, fault.Unavailable) && !errors.Is(err, fault.FailedPrecondition) {
				t.Errorf("%s: the event was published, %v", name, err)
			}
		})
	}
}

func TestMemberThatWaitsForAnEventLeavesWhenAnotherJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{Backoff: time.Minute})
		handled := 0
		handle := func(context.Context, eventbus.Event) error {
			if handled++; handled == 1 {
				return errors.New("again")
			}
			return nil
		}
		stop, _ := bus.Subscribe("t", "g", handle)
		_ = bus.Publish(t.Context(), "t", eventbus.Event{})
		synctest.Wait()
		began, stopped := time.Now(), make(chan error, 1)
		go func() { stopped <- stop(t.Context()) }()
		synctest.Wait()
		_, err := bus.Subscribe("t", "g", handle)
		if err = errors.Join(err, <-stopped); err != nil || time.Since(began) > 0 {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		if err := bus.Close(t.Context()); err != nil || handled != 2 {
			t.Errorf("%v, handled %d times", err, handled)
		}
	})
}

func TestEventsOfAGroupWithoutMembersAreDropped(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{Buffer: 1})
	stop, err := bus.Subscribe("t", "g", func(context.Context, eventbus.Event) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if err := bus.Publish(t.Context(), "t", eventbus.Event{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := bus.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestInvalidMemoryPolicyPanicsAndReadsFromJSON(t *testing.T) {
	var p eventbus.MemoryPolicy
	if err := json.Unmarshal([]byte(`{"buffer":5,"backoff":"2s"}`), &p); err != nil || p.Backoff != 2*time.Second {
		t.Errorf("%+v %v", p, err)
	}
	defer func() {
		if recover() == nil {
			t.Error("taken")
		}
	}()
	eventbus.NewMemory(eventbus.MemoryPolicy{Buffer: -1})
}

func BenchmarkTopicInMemory(b *testing.B) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	placed := eventbus.Topic[Order]{Name: "order.placed"}
	ctx := context.Background()
	_ = placed.Handle(bus, "g", func(context.Context, Order) error { return nil })
	b.ReportAllocs()
	for b.Loop() {
		_ = placed.Publish(ctx, bus, Order{ID: "o-7", Total: 3})
	}
	_ = bus.Close(ctx)
}

func TestTheDefaultPauseOfMemoryIsAtMostMaxBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{MaxBackoff: time.Millisecond})
		var deliveries []time.Time
		_, _ = bus.Subscribe("t", "g", func(context.Context, eventbus.Event) error {
			if deliveries = append(deliveries, time.Now()); len(deliveries) < 2 {
				return errors.New("again")
			}
			return nil
		})
		if err := errors.Join(bus.Publish(t.Context(), "t", eventbus.Event{Key: "k"}), bus.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		if pause := deliveries[1].Sub(deliveries[0]); pause > time.Millisecond {
			t.Errorf("redelivered after %s", pause)
		}
	})
}

// An event that hops from topic to topic is in one queue after another, and always in one.
func TestCloseWaitsForEventsThatHandlersPublish(t *testing.T) {
	const topics = 64
	for range 200 {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
		var last atomic.Bool
		for i := range topics {
			_, err := bus.Subscribe(fmt.Sprint(i), "g", func(ctx context.Context, e eventbus.Event) error {
				if i == topics-1 {
					last.Store(true)
					return nil
				}
				err := bus.Publish(ctx, fmt.Sprint(i+1), eventbus.Event{Source: "test"})
				if err != nil {
					t.Errorf("the handler of topic %d cannot publish: %v", i, err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := bus.Publish(t.Context(), "0", eventbus.Event{Source: "test"}); err != nil {
			t.Fatal(err)
		}
		if err := bus.Close(t.Context()); err != nil || !last.Load() {
			t.Fatalf("closed with %v, and the event has reached the last topic: %v", err, last.Load())
		}
	}
}

func TestCloseHandlesWhatPublishAccepted(t *testing.T) {
	for range 500 {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
		var handled, accepted atomic.Int64
		for _, topic := range []string{"first", "second"} {
			_, err := bus.Subscribe(topic, "g", func(context.Context, eventbus.Event) error {
				handled.Add(1)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		var publishers sync.WaitGroup
		for p := range 8 {
			publishers.Go(func() {
				for bus.Publish(context.Background(), []string{"first", "second"}[p%2], eventbus.Event{Source: "test"}) == nil {
					accepted.Add(1)
				}
			})
		}
		if err := bus.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		publishers.Wait()
		if handled.Load() != accepted.Load() {
			t.Fatalf("%d events were accepted and %d handled", accepted.Load(), handled.Load())
		}
	}
}
