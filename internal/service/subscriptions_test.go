package service_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew/internal/bubble"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/service"
)

// recordedBus records the topics in the order in which they are subscribed to, and
// stopped. Subscribe first waits for before, if that is set.
type recordedBus struct {
	eventbus.Bus
	before func() error

	mu                 sync.Mutex
	handlers           map[string]eventbus.Handler
	subscribed, ending []string
}

func (b *recordedBus) Subscribe(topic, _ string, h eventbus.Handler) (func(context.Context) error, error) {
	if b.before != nil {
		if err := b.before(); err != nil {
			return nil, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.handlers == nil {
		b.handlers = map[string]eventbus.Handler{}
	}
	b.handlers[topic] = h
	b.subscribed = append(b.subscribed, topic)
	return func(context.Context) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ending = append(b.ending, topic)
		return nil
	}, nil
}

// drained returns the topics in the order in which they were drained.
func (b *recordedBus) drained() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ending
}

func ignore(context.Context, eventbus.Event) error { return nil }

// subscribe adds subscriptions to the topics.
func subscribe(t interface{ Fatal(...any) }, s *service.Subscriptions, topics ...string) {
	for _, topic := range topics {
		if _, err := s.Add(topic, "g", ignore); err != nil {
			t.Fatal(err)
		}
	}
}

func TestASubscriptionIsMadeAtTheStartAndOneAddedLaterAtOnce(t *testing.T) {
	bus, state := &recordedBus{}, service.NewRunState("inventory")
	s := service.NewSubscriptions(state, bus)
	want := func(when string, topics ...string) {
		t.Helper()
		if !slices.Equal(bus.subscribed, topics) {
			t.Errorf("%s: subscribed to %v, want %v", when, bus.subscribed, topics)
		}
	}
	subscribe(t, s, "a", "b")
	want("before the start")
	_ = state.Start()
	if err := s.Start(t.Context()); err != nil {
		t.Errorf("start: %v", err)
	}
	want("after the start", "a", "b")
	subscribe(t, s, "c")
	want("added later", "a", "b", "c")
	state.Stop()
	if had, err := s.Stop(t.Context()); !had || err != nil {
		t.Errorf("stop: got %v, %v, want true without an error", had, err)
	}
	if _, err := s.Add("d", "g", ignore); !errors.Is(err, fault.Canceled) {
		t.Errorf("added after the stop: got %v, want %v", err, fault.Canceled)
	}
	if had, err := s.Stop(t.Context()); had || err != nil {
		t.Errorf("a second stop: got %v, %v, want false without an error", had, err)
	}
}

// A topic of a higher number gets events of those with a lower one, so that there is no
// cycle.
func TestATopicIsDrainedAfterThoseThatPublishToIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "topics")
		numbers := make([]int, n)
		for i := range numbers {
			numbers[i] = i
		}
		bus, state := &recordedBus{}, service.NewRunState("inventory")
		s := service.NewSubscriptions(state, bus)
		for _, i := range rapid.Permutation(numbers).Draw(t, "order of subscription") {
			subscribe(t, s, fmt.Sprint(i))
		}
		var edges [][2]string
		for from := range n {
			for to := from + 1; to < n; to++ {
				if rapid.Bool().Draw(t, fmt.Sprintf("%d publishes to %d", from, to)) {
					edges = append(edges, [2]string{fmt.Sprint(from), fmt.Sprint(to)})
					s.AddEdge(fmt.Sprint(from), fmt.Sprint(to))
				}
			}
		}
		if err := errors.Join(state.Start(), s.Start(context.Background())); err != nil {
			t.Fatal(err)
		}
		state.Stop()
		if _, err := s.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
		if len(bus.drained()) != n {
			t.Errorf("%d topics are drained, want %d", len(bus.drained()), n)
		}
		for _, e := range edges {
			if slices.Index(bus.drained(), e[0]) > slices.Index(bus.drained(), e[1]) {
				t.Errorf("%s publishes to %s, and is drained later: %v", e[0], e[1], bus.drained())
			}
		}
	})
}

func TestTopicsInACycleAreAllDrained(t *testing.T) {
	bus, state := &recordedBus{}, started(t)
	s := service.NewSubscriptions(state, bus)
	subscribe(t, s, "a", "b")
	s.AddEdge("a", "b")
	s.AddEdge("b", "a")
	state.Stop()
	if _, err := s.Stop(t.Context()); err != nil || len(bus.drained()) != 2 {
		t.Errorf("drained %v, %v, want both without an error", bus.drained(), err)
	}
}

func TestASubscriptionWithAHandlerAtWorkIsDrainedFirst(t *testing.T) {
	bus, state := &recordedBus{}, started(t)
	s := service.NewSubscriptions(state, bus)
	subscribe(t, s, "idle")
	entered, leave := make(chan struct{}), make(chan struct{})
	if _, err := s.Add("busy", "g", func(context.Context, eventbus.Event) error {
		close(entered)
		<-leave
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var handling sync.WaitGroup
	handling.Go(func() { _ = bus.handlers["busy"](context.Background(), eventbus.Event{}) })
	<-entered
	state.Stop()
	_, _ = s.Stop(t.Context())
	close(leave)
	handling.Wait()
	if want := []string{"busy", "idle"}; !slices.Equal(bus.drained(), want) {
		t.Errorf("drained in the order %v, want %v", bus.drained(), want)
	}
}

func TestStartReturnsTheErrorOfTheBus(t *testing.T) {
	bus := &recordedBus{before: func() error { return fault.Unavailable.Errorf("no broker") }}
	state := service.NewRunState("inventory")
	s := service.NewSubscriptions(state, bus)
	subscribe(t, s, "a")
	_ = state.Start()
	wantText(t, s.Start(t.Context()), "no broker")
	state.Stop()
	if had, err := s.Stop(t.Context()); had || err != nil {
		t.Errorf("stop: got %v, %v, want false without an error", had, err)
	}
}

func TestASubscriptionThatTheBusMakesTooLateIsUndone(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stops bool // the service stops, else the time of Start ends
		want  error
	}{
		{"the service stops meanwhile", true, fault.Canceled},
		{"the start runs out of time", false, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus := &recordedBus{before: func() error { bubble.Sleep(time.Hour); return nil }}
				state := service.NewRunState("inventory")
				s := service.NewSubscriptions(state, bus)
				subscribe(t, s, "a")
				_ = state.Start()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if tt.stops {
					time.AfterFunc(time.Second, func() { state.Stop() })
				}
				if err := s.Start(ctx); !errors.Is(err, tt.want) {
					t.Errorf("start: got %v, want %v", err, tt.want)
				}
				state.Stop()
				_, err := s.Stop(ended())
				wantText(t, err, `handling a as group "g" did not end in time`)
				bubble.Sleep(2 * time.Hour)
				if len(bus.drained()) == 0 {
					t.Error("the subscription is left on the bus")
				}
			})
		})
	}
}

func TestASubscriptionThatIsStoppedBeforeTheStartIsNotMade(t *testing.T) {
	bus, state := &recordedBus{}, service.NewRunState("inventory")
	s := service.NewSubscriptions(state, bus)
	stop, err := s.Add("a", "g", ignore)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := stop(t.Context()); err != nil {
			t.Errorf("stop: got %v, want no error", err)
		}
	}
	if err := errors.Join(state.Start(), s.Start(t.Context())); err != nil || len(bus.subscribed) > 0 {
		t.Errorf("subscribed to %v, %v, want nothing", bus.subscribed, err)
	}
}
