package sinew_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest"
	"github.com/sinew-go/sinew/internal/servicetest/api"
)

// stopRecorder is a bus that records the order in which its subscriptions stop.
type stopRecorder struct {
	eventbus.Bus
	mu    sync.Mutex
	order []string
	begun chan struct{} // receives at each stop
}

func newStopRecorder(t *testing.T) *stopRecorder {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	t.Cleanup(func() { _ = bus.Close(context.Background()) })
	return &stopRecorder{Bus: bus, begun: make(chan struct{}, 10)}
}

func (s *stopRecorder) Subscribe(topic, group string, h eventbus.Handler) (func(context.Context) error, error) {
	stop, err := s.Bus.Subscribe(topic, group, h)
	return func(ctx context.Context) error {
		s.mu.Lock()
		s.order = append(s.order, topic)
		s.mu.Unlock()
		s.begun <- struct{}{}
		return stop(ctx)
	}, err
}

var (
	placed = eventbus.Topic[Order]{Name: "order.placed"}
	paid   = eventbus.Topic[Order]{Name: "order.paid"}
	sent   = eventbus.Topic[Order]{Name: "order.sent"}
)

func TestWhatAHandlerPublishesWhileItIsDrainedIsHandled(t *testing.T) {
	for _, first := range []string{placed.Name, paid.Name} { // in either order of subscription
		bus := newStopRecorder(t)
		svc := sinew.New("shop", servicetest.Local(sinew.Config{Bus: bus}))
		entered := make(chan struct{})
		var handled atomic.Int64
		onPlaced := func(ctx context.Context, o Order) error {
			close(entered)
			<-bus.begun
			return paid.Publish(ctx, svc, o)
		}
		onPaid := func(context.Context, Order) error {
			handled.Add(1)
			return nil
		}
		if first == paid.Name {
			_ = paid.Handle(svc, "g", onPaid)
		}
		_ = placed.Handle(svc, "g", onPlaced)
		if first == placed.Name {
			_ = paid.Handle(svc, "g", onPaid)
		}
		servicetest.Start(t, svc)
		if err := placed.Publish(t.Context(), svc, Order{ID: "o-1"}); err != nil {
			t.Fatal(err)
		}
		<-entered
		if err := svc.Shutdown(t.Context()); err != nil || handled.Load() != 1 {
			t.Errorf("%s first: %d handled, %v", first, handled.Load(), err)
		}
	}
}

func TestATopicIsDrainedAfterThoseWhoseHandlersPublishToIt(t *testing.T) {
	bus := newStopRecorder(t)
	svc := sinew.New("shop", servicetest.Local(sinew.Config{Bus: bus}))
	all := make(chan struct{})
	_ = sent.Handle(svc, "g", func(context.Context, Order) error { close(all); return nil })
	_ = paid.Handle(svc, "g", func(ctx context.Context, o Order) error { return sent.Publish(ctx, svc, o) })
	_ = placed.Handle(svc, "g", func(ctx context.Context, o Order) error { return paid.Publish(ctx, svc, o) })
	servicetest.Start(t, svc)
	if err := placed.Publish(t.Context(), svc, Order{ID: "o-1"}); err != nil {
		t.Fatal(err)
	}
	<-all
	if err := svc.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if want := []string{placed.Name, paid.Name, sent.Name}; !slices.Equal(bus.order, want) {
		t.Errorf("drained in the order %v", bus.order)
	}
}

func TestTopicsInACycleAreDrained(t *testing.T) {
	bus := newStopRecorder(t)
	svc := sinew.New("shop", servicetest.Local(sinew.Config{Bus: bus}))
	round := make(chan struct{})
	_ = placed.Handle(svc, "g", func(ctx context.Context, o Order) error {
		if o.Total > 0 {
			close(round)
			return nil
		}
		return paid.Publish(ctx, svc, o)
	})
	_ = paid.Handle(svc, "g", func(ctx context.Context, _ Order) error { return placed.Publish(ctx, svc, Order{Total: 1}) })
	servicetest.Start(t, svc)
	if err := placed.Publish(t.Context(), svc, Order{}); err != nil {
		t.Fatal(err)
	}
	<-round
	if err := svc.Shutdown(t.Context()); err != nil || len(bus.order) != 2 {
		t.Errorf("drained %v: %v", bus.order, err)
	}
}

// silentBus does not answer Subscribe until it is released.
type silentBus struct {
	eventbus.Bus
	until chan struct{}
}

func (b silentBus) Subscribe(topic, group string, h eventbus.Handler) (func(context.Context) error, error) {
	<-b.until
	return b.Bus.Subscribe(topic, group, h)
}

func TestABusThatDoesNotAnswerBlocksNeitherStartNorShutdown(t *testing.T) {
	for _, stopFirst := range []bool{false, true} { // stop the service before the context ends
		synctest.Test(t, func(t *testing.T) {
			memory := eventbus.NewMemory(eventbus.MemoryPolicy{})
			bus := silentBus{memory, make(chan struct{})}
			svc := sinew.New("inventory", sinew.Config{Listener: servicetest.NewPipe(), Logger: servicetest.NoLog, Bus: bus})
			if _, err := svc.Subscribe("order.placed", "g", func(context.Context, eventbus.Event) error { return nil }); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			want, begun := context.DeadlineExceeded, time.Now()
			down := make(chan error, 1)
			if stopFirst {
				want = fault.Canceled
				time.AfterFunc(time.Second, func() {
					ctx, cancel := context.WithTimeout(context.Background(), time.Second)
					defer cancel()
					down <- svc.Shutdown(ctx)
				})
			}
			if err := svc.Start(ctx); !errors.Is(err, want) || time.Since(begun) > 3*time.Second {
				t.Errorf("after %s: %v", time.Since(begun), err)
			}
			if !stopFirst {
				close(bus.until)
				down <- svc.Shutdown(t.Context())
			}
			if err := <-down; stopFirst != (err != nil) {
				t.Error(err)
			}
			if stopFirst {
				close(bus.until)
			}
			synctest.Wait()
			if err := memory.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if memory.Hears("order.placed") {
				t.Error("the subscription outlives the service")
			}
		})
	}
}

// slowBus is a bus whose Subscribe is slow.
type slowBus struct {
	eventbus.Bus
	asked   chan struct{}
	proceed chan struct{}
}

func newSlowBus(t *testing.T) slowBus {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	t.Cleanup(func() { _ = bus.Close(context.Background()) })
	return slowBus{bus, make(chan struct{}), make(chan struct{})}
}

func (b slowBus) Subscribe(topic, group string, h eventbus.Handler) (func(context.Context) error, error) {
	close(b.asked)
	<-b.proceed
	return b.Bus.Subscribe(topic, group, h)
}

func TestABusThatIsSlowToSubscribeBlocksNothingElse(t *testing.T) {
	bus := newSlowBus(t)
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Bus: bus}))
	var handled atomic.Bool
	_ = api.LowStock.Handle(svc, "g", func(context.Context, api.StockEvent) error {
		handled.Store(true)
		return nil
	})
	started := make(chan error, 1)
	go func() { started <- svc.Start(t.Context()) }()
	<-bus.asked
	if status, _ := readyz(svc); status != 200 {
		t.Errorf("readyz says %d", status)
	}
	if err := cutOff(t, svc); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "inventory.low_stock") {
		t.Error(err)
	}
	close(bus.proceed)
	if err := <-started; !errors.Is(err, fault.Canceled) {
		t.Errorf("Start: %v", err)
	}
	if err := api.LowStock.Publish(t.Context(), bus, api.StockEvent{}); err != nil {
		t.Error(err)
	}
	if err := bus.Close(t.Context()); err != nil || handled.Load() {
		t.Errorf("it subscribed after Shutdown; %v", err)
	}
}

func TestASubscriptionThatIsStoppedWhileTheServiceStartsStopsNothingElse(t *testing.T) {
	bus := newSlowBus(t)
	svc := sinew.New("inventory", servicetest.Local(sinew.Config{Bus: bus}))
	stop, err := svc.Subscribe("inventory.low_stock", "g", func(context.Context, eventbus.Event) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	started, stopped := make(chan error, 1), make(chan error, 1)
	go func() { started <- svc.Start(t.Context()) }()
	<-bus.asked
	go func() { stopped <- stop(t.Context()) }()
	close(bus.proceed)
	if err := errors.Join(<-started, <-stopped, svc.Shutdown(t.Context())); err != nil {
		t.Error(err)
	}
}
