package sinew_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/servicetest"
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
