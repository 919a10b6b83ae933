package watermill_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventbustest"
	"github.com/sinew-go/sinew/eventbus/nats"
	"github.com/sinew-go/sinew/eventbus/watermill"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/realserver"
)

func ExampleNewBus() {
	channel := gochannel.NewGoChannel(gochannel.Config{}, nil)
	bus, err := watermill.NewBus(watermill.BusConfig{
		Publisher:  channel,
		Subscriber: func(group string) (message.Subscriber, error) { return channel, nil },
		NoGroups:   true, // as gochannel has none
	})
	fmt.Println(err)
	mailed := make(chan string)
	err = placed.Handle(bus, "mailer", func(_ context.Context, o order) error {
		mailed <- o.ID
		return nil
	})
	fmt.Println(err)

	fmt.Println(placed.Publish(context.Background(), bus, order{ID: "o-7"}))
	fmt.Println(<-mailed)
	fmt.Println(bus.Close(context.Background()))
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// o-7
	// <nil>
}

// overChannel returns a bus on a channel of its own.
func overChannel(t *testing.T, log *slog.Logger) (*watermill.Bus, *gochannel.GoChannel) {
	t.Helper()
	channel := gochannel.NewGoChannel(gochannel.Config{}, nil)
	return newBus(t, watermill.BusConfig{
		Publisher: paced{channel}, Subscriber: func(string) (message.Subscriber, error) { return channel, nil }, NoGroups: true, Logger: log,
	}), channel
}

// overBus returns a bus on the Pub/Sub that another bus is.
func overBus(t *testing.T, inner eventbus.Bus) *watermill.Bus {
	t.Helper()
	return newBus(t, watermill.BusConfig{Publisher: pubSub(t, inner, ""), Subscriber: func(group string) (message.Subscriber, error) {
		return watermill.NewPubSub(watermill.Config{Bus: inner, Group: group})
	}})
}

func newBus(t *testing.T, c watermill.BusConfig) *watermill.Bus {
	t.Helper()
	b, err := watermill.NewBus(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	return b
}

// paced publishes no faster than a broker would: gochannel has a goroutine for each message
// that waits, and no limit.
type paced struct{ message.Publisher }

func (p paced) Publish(topic string, messages ...*message.Message) error {
	<-time.After(time.Millisecond)
	return p.Publisher.Publish(topic, messages...)
}

func TestABusOnGochannelKeepsTheRules(t *testing.T) {
	features := eventbustest.Features{
		RealTime: true, ForgetsGroups: true, LosesWaiting: true, NoOrder: true, NoBackPressure: true,
		NoRedrive: true, NoSchedule: true, NoLag: true, Events: 400,
	}
	eventbustest.Run(t, features, func(t *testing.T) eventbus.Bus {
		b, _ := overChannel(t, nil)
		return b
	})
}

func TestABusOnThePubSubOfAMemoryBusKeepsTheRules(t *testing.T) {
	features := eventbustest.Features{ForgetsGroups: true, LosesWaiting: true, NoRedrive: true, NoSchedule: true, NoLag: true}
	eventbustest.Run(t, features, func(t *testing.T) eventbus.Bus {
		inner := eventbus.NewMemory(eventbus.MemoryPolicy{})
		t.Cleanup(func() { _ = inner.Close(context.Background()) })
		return overBus(t, inner)
	})
}

func TestABusOnThePubSubOfABusOnNATSKeepsTheRules(t *testing.T) {
	server := realserver.NATS(t)
	features := eventbustest.Features{
		RealTime: true, NoBackPressure: true, SharesPartitions: true, NoRedrive: true, NoSchedule: true, NoLag: true,
		Events: 400, LargestData: 780_000,
	}
	eventbustest.Run(t, features, func(t *testing.T) eventbus.Bus {
		inner, err := nats.New(nats.Config{URL: server.Addr, AckWait: 2 * time.Second, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = inner.Close(context.Background()) })
		return overBus(t, inner)
	})
}

// received returns the events that the group handles.
func received(t *testing.T, b eventbus.Bus, group string) <-chan eventbus.Event {
	t.Helper()
	events := make(chan eventbus.Event, 10)
	if _, err := b.Subscribe("order.placed", group, func(_ context.Context, e eventbus.Event) error {
		events <- e
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return events
}

func TestAnEventCrossesThePubSubOfAnotherBusWhole(t *testing.T) {
	inner := memory(t)
	outer := overBus(t, inner)
	direct, around := received(t, inner, "direct"), received(t, overBus(t, inner), "around")
	e := eventbus.Event{
		ID: "7", Source: "/orders", Type: "placed", Subject: "o-7", Time: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Key: "k",
		DataContentType: "text/plain", DataSchema: "urn:order", Extensions: map[string]string{"tenant": "a"}, Data: []byte("\xff"),
	}
	if err := outer.Publish(t.Context(), "order.placed", e); err != nil {
		t.Fatal(err)
	}
	for name, events := range map[string]<-chan eventbus.Event{"the inner bus": direct, "the outer bus": around} {
		if got := <-events; fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", e) {
			t.Errorf("%s has %+v, want %+v", name, got, e)
		}
	}
}

func TestAForeignMessageIsAnEventWithDefaults(t *testing.T) {
	b, channel := overChannel(t, nil)
	events := received(t, b, "g")
	m := message.NewMessage("m-1", []byte("no JSON"))
	m.Metadata.Set("correlation_id", "c-1")
	if err := channel.Publish("order.placed", m); err != nil {
		t.Fatal(err)
	}
	e := <-events
	if e.ID != "m-1" || e.Source != "watermill" || e.Type != "order.placed" || e.Time.IsZero() || e.DataContentType != "application/octet-stream" {
		t.Errorf("the event is %+v", e)
	}
	if got := watermill.Message(e).Metadata.Get("correlation_id"); got != "c-1" {
		t.Errorf("its own metadata is %q, want it to cross the bus", got)
	}
}

func TestAMessageThatIsNoEventIsDroppedAndHoldsUpNothing(t *testing.T) {
	var text bytes.Buffer
	channel := gochannel.NewGoChannel(gochannel.Config{BlockPublishUntilSubscriberAck: true}, nil)
	b := newBus(t, watermill.BusConfig{
		Publisher: channel, Subscriber: func(string) (message.Subscriber, error) { return channel, nil },
		NoGroups: true, Logger: slog.New(slog.NewTextHandler(&text, nil)),
	})
	events := received(t, b, "g")
	bad := message.NewMessage("bad", nil)
	bad.Metadata.Set("ce_time", "now")
	for _, m := range []*message.Message{bad, message.NewMessage("good", nil)} {
		if err := channel.Publish("order.placed", m); err != nil { // which waits until it is acked
			t.Fatal(err)
		}
	}
	if e := <-events; e.ID != "good" {
		t.Errorf("event %s was handled", e.ID)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "ce_time") {
		t.Errorf("the log does not name the attribute: %s", text.String())
	}
}

// stuck is a Pub/Sub that answers nothing until it is released.
type stuck struct {
	message.Publisher
	message.Subscriber
	released chan struct{}
}

func (s stuck) Publish(string, ...*message.Message) error { <-s.released; return nil }
func (s stuck) Subscribe(context.Context, string) (<-chan *message.Message, error) {
	messages := make(chan *message.Message)
	go func() {
		<-s.released
		close(messages)
	}()
	return messages, nil
}
func (s stuck) Close() error { <-s.released; return nil }

func TestAPubSubThatHangsHoldsUpNothingLongerThanTheContext(t *testing.T) {
	hanging := stuck{released: make(chan struct{})}
	b := newBus(t, watermill.BusConfig{Publisher: hanging, Subscriber: func(string) (message.Subscriber, error) { return hanging, nil }})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := b.Publish(ctx, "t", eventbus.Event{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("publish: %v", err)
	}
	stop, err := b.Subscribe("t", "g", func(context.Context, eventbus.Event) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stop: %v", err)
	}
	if err := b.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close: %v", err)
	}
	close(hanging.released)
}

func TestWhatABusLacksIsNamed(t *testing.T) {
	channel := gochannel.NewGoChannel(gochannel.Config{}, nil)
	var none *gochannel.GoChannel
	absent := func(string) (message.Subscriber, error) { return none, nil }
	for name, c := range map[string]watermill.BusConfig{
		"BusConfig.Publisher": {Publisher: none, Subscriber: absent}, "BusConfig.Subscriber": {Publisher: channel},
	} {
		if _, err := watermill.NewBus(c); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	b := newBus(t, watermill.BusConfig{Publisher: channel, Subscriber: absent})
	handle := func(context.Context, eventbus.Event) error { return nil }
	if _, err := b.Subscribe("t", "g", handle); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(err.Error(), "BusConfig.Subscriber") {
		t.Errorf("a subscriber that is nil: %v", err)
	}
	failing := newBus(t, watermill.BusConfig{Publisher: channel, Subscriber: func(string) (message.Subscriber, error) { return nil, errors.New("no broker") }})
	if _, err := failing.Subscribe("t", "g", handle); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "no broker") {
		t.Errorf("no subscriber: %v", err)
	}
	if err := channel.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(t.Context(), "t", eventbus.Event{}); !errors.Is(err, fault.Unavailable) {
		t.Errorf("publish on a closed Pub/Sub: %v", err)
	}
}
