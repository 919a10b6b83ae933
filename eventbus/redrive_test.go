package eventbus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
)

func ExampleRedrive() {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	ctx := context.Background()

	isOpen := false
	_ = Placed.Handle(bus, "mailer", func(_ context.Context, o Order) error {
		if !isOpen {
			return fault.InvalidArgument.Errorf("no such mailbox")
		}
		fmt.Println("thank you for order", o.ID)
		return nil
	}, eventbus.DeadLetter(bus, "order.dead", eventbus.Hopeless))
	_ = Placed.Publish(ctx, bus, Order{ID: "o-7"})
	for n := 0; n == 0; { // until it is put aside
		again, err := Placed.Redrive(ctx, bus, "order.dead", func(o Order, _ eventbus.Event) bool { return o.ID == "none" })
		if n = again.Left; err != nil {
			fmt.Println(err)
		}
	}

	isOpen = true
	fmt.Println(eventbus.Redrive(ctx, bus, "order.dead"))
	fmt.Println(bus.Close(ctx))
	// Unordered output:
	// {1 0} <nil>
	// thank you for order o-7
	// <nil>
}

func TestAMemoryBusLeavesDeadLettersWhoseTopicNobodyHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
		stop, err := Placed.Subscribe(bus, "mailer", func(context.Context, Order) error { return fault.InvalidArgument }, eventbus.DeadLetter(bus, "dead"))
		if err = errors.Join(err, Placed.Publish(t.Context(), bus, Order{ID: "o-7"}), stop(t.Context())); err != nil {
			t.Fatal(err)
		}
		if got, err := eventbus.Redrive(t.Context(), bus, "dead"); err != nil || got != (eventbus.Redriven{Left: 1}) {
			t.Errorf("without a subscriber: %+v, %v", got, err)
		}
		handled := 0
		err = Placed.Handle(bus, "mailer", func(context.Context, Order) error { handled++; return nil })
		got, failed := eventbus.Redrive(t.Context(), bus, "dead")
		if err = errors.Join(err, failed, bus.Close(t.Context())); err != nil || got.Published != 1 || handled != 1 {
			t.Errorf("with one: %+v, %v; %d handled", got, err, handled)
		}
	})
}

func TestAMemoryBusStoresTheLastDeadLettersOnly(t *testing.T) {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	for range 1100 {
		letter := eventbus.Event{Extensions: map[string]string{eventbus.DeadTopic: "t"}}
		if err := bus.Publish(t.Context(), "dead", letter); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := eventbus.Redrive(t.Context(), bus, "dead"); err != nil || got.Left != 1000 {
		t.Errorf("%+v, %v", got, err)
	}
	_ = bus.Close(t.Context())
}

// plainBus is a bus without more than it must have.
type plainBus struct{ eventbus.Bus }

func TestRedriveSaysThatABusDoesNotStoreDeadLetters(t *testing.T) {
	_, err := eventbus.Redrive(t.Context(), plainBus{}, "order.dead")
	if !errors.Is(err, fault.Unimplemented) || !strings.Contains(fmt.Sprint(err), "order.dead") {
		t.Error(err)
	}
}

func TestAStackIsThatOfTheLastFailure(t *testing.T) {
	before := eventbus.Event{ID: "1", Source: "s", Type: "t", Extensions: map[string]string{eventbus.DeadStack: "main.go:7", eventbus.DeadDeliveries: "3"}}
	dead := putAsideOnce(t, before, errors.New("boom"))
	for _, name := range []string{eventbus.DeadStack, eventbus.DeadDeliveries} {
		if got, ok := dead.Extensions[name]; ok {
			t.Errorf("%s is %q, which is of an earlier failure", name, got)
		}
	}
}

func TestADeadLetterOfADeepPanicIsSmall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, aside := eventbus.NewMemory(eventbus.MemoryPolicy{}), make(recordingPublisher, 1)
		err := Placed.Handle(bus, "g", func(context.Context, Order) error { deep(200); return nil }, eventbus.DeadLetter(aside, "dead"))
		if err = errors.Join(err, Placed.Publish(t.Context(), bus, Order{ID: "o-7"}), bus.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		if stack := (<-aside).Extensions[eventbus.DeadStack]; len(stack) > 2048 || !strings.HasPrefix(stack, "github.com/sinew-go/sinew/eventbus_test.deep redrive_test.go:") {
			t.Errorf("%d bytes: %s", len(stack), stack)
		}
	})
}

func deep(n int) {
	if n == 0 {
		panic("the bottom")
	}
	deep(n - 1)
}

// refusing refuses what has a stack, as a broker does whose limit an event has nearly reached.
type refusing struct{ recordingPublisher }

func (r refusing) Publish(ctx context.Context, topic string, events ...eventbus.Event) error {
	if events[0].Extensions[eventbus.DeadStack] != "" {
		return fault.InvalidArgument.Errorf("the event is too large")
	}
	return r.recordingPublisher.Publish(ctx, topic, events...)
}

func TestADeadLetterThatIsTooLargeWithItsStackIsPutAsideWithout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, aside := eventbus.NewMemory(eventbus.MemoryPolicy{}), refusing{make(recordingPublisher, 1)}
		err := Placed.Handle(bus, "g", func(context.Context, Order) error { panic("oops") }, eventbus.DeadLetter(aside, "dead"))
		if err = errors.Join(err, Placed.Publish(t.Context(), bus, Order{ID: "o-7"}), bus.Close(t.Context())); err != nil {
			t.Fatal(err)
		}
		if len(aside.recordingPublisher) != 1 {
			t.Error("it was not put aside")
		}
	})
}

func TestDeliveriesAreKnownInHandlersOnly(t *testing.T) {
	if d := eventbus.DeliveryOf(t.Context()); d != (eventbus.Delivery{}) {
		t.Errorf("%+v", d)
	}
	want := eventbus.Delivery{Topic: "t", Group: "g", Number: 3}
	ctx := eventbus.ContextWithEvent(t.Context(), eventbus.Event{ID: "1", Source: "s", Type: "t"}, want)
	if got := eventbus.DeliveryOf(ctx); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	ep := endpoint.New(func(context.Context, int) (endpoint.None, error) { return endpoint.None{}, errors.New("x") }).
		With(eventbus.DeadLetter(make(recordingPublisher, 1), "dead"))
	if _, err := ep(ctx, 1); err != nil || !eventbus.DeliveryOf(ctx).PutAside {
		t.Errorf("%v; put aside: %+v", err, eventbus.DeliveryOf(ctx))
	}
}
