package watermill_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	wm "github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/nats"
	"github.com/sinew-go/sinew/eventbus/watermill"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/realserver"
)

type order struct {
	ID string `json:"id"`
}

var placed = eventbus.Topic[order]{Name: "order.placed", Key: func(o order) string { return o.ID }}

func Example() {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	pubsub, err := watermill.NewPubSub(watermill.Config{Bus: bus, Group: "mailer"})
	fmt.Println(err)
	messages, err := pubsub.Subscribe(context.Background(), "order.placed")
	fmt.Println(err)

	fmt.Println(placed.Publish(context.Background(), bus, order{ID: "o-7"}))
	m := <-messages
	fmt.Println(string(m.Payload), m.Metadata["ce_type"], m.Metadata["ce_partitionkey"])
	m.Ack()
	fmt.Println(pubsub.Close(), bus.Close(context.Background()))
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// {"id":"o-7"} order.placed o-7
	// <nil> <nil>
}

// pubSub returns a Pub/Sub on a bus that is closed after the test.
func pubSub(t *testing.T, bus eventbus.Bus, group string) *watermill.PubSub {
	t.Helper()
	p, err := watermill.NewPubSub(watermill.Config{Bus: bus, Group: group})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func memory(t *testing.T) eventbus.Bus {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{Buffer: 100_000, Backoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond})
	t.Cleanup(func() { _ = bus.Close(context.Background()) })
	return bus
}

// TestAMemoryBusPassesTheSuiteOfWatermill leaves out what needs groups that outlive their
// members: that is tested on NATS.
func TestAMemoryBusPassesTheSuiteOfWatermill(t *testing.T) {
	for name, test := range map[string]func(*testing.T, tests.TestContext, tests.PubSubConstructor){
		"PublishSubscribe": tests.TestPublishSubscribe, "ConcurrentSubscribe": tests.TestConcurrentSubscribe,
		"ConcurrentSubscribeMultipleTopics": tests.TestConcurrentSubscribeMultipleTopics, "ResendOnError": tests.TestResendOnError,
		"NoAck": tests.TestNoAck, "ContinueAfterSubscribeClose": tests.TestContinueAfterSubscribeClose,
		"PublishSubscribeInOrder": tests.TestPublishSubscribeInOrder, "PublisherClose": tests.TestPublisherClose, "Topic": tests.TestTopic,
		"MessageCtx": tests.TestMessageCtx,
	} {
		t.Run(name, func(t *testing.T) {
			features := tests.Features{RequireSingleInstance: true, GuaranteedOrderWithSingleSubscriber: true}
			test(t, tests.TestContext{TestID: tests.NewTestID(), Features: features}, func(t *testing.T) (message.Publisher, message.Subscriber) {
				p := pubSub(t, memory(t), "g")
				return p, p
			})
		})
	}
}

func TestABusOnNATSPassesTheSuiteOfWatermill(t *testing.T) {
	server := realserver.NATS(t)
	open := func(t *testing.T, group string) (message.Publisher, message.Subscriber) {
		bus, err := nats.New(nats.Config{URL: server.Addr, AckWait: 2 * time.Second, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = bus.Close(context.Background()) })
		return pubSub(t, bus, group), pubSub(t, bus, group) // the suite closes one before the other
	}
	tests.TestPubSub(t, tests.Features{ConsumerGroups: true, Persistent: true, ForceShort: true},
		func(t *testing.T) (message.Publisher, message.Subscriber) { return open(t, "g") }, open)
}

func TestAMessageCrossesTheBusWhole(t *testing.T) {
	bus := memory(t)
	p := pubSub(t, bus, "g")
	events := make(chan eventbus.Event, 1)
	if _, err := bus.Subscribe("order.placed", "other", func(_ context.Context, e eventbus.Event) error {
		events <- e
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	messages, err := p.Subscribe(t.Context(), "order.placed")
	if err != nil {
		t.Fatal(err)
	}
	sent := message.NewMessage("m-1", []byte("\x00\xff"))
	sent.Metadata = message.Metadata{"Correlation ID": "ä", "ce_source": "/orders", "ce_partitionkey": "o-7", "ce_tenant": "a", "ce_time": "2026-01-02T03:04:05Z"}
	if err := p.Publish("order.placed", sent); err != nil {
		t.Fatal(err)
	}
	got := <-messages
	got.Ack()
	for name, value := range sent.Metadata {
		if got.Metadata[name] != value {
			t.Errorf("%s is %q, want %q", name, got.Metadata[name], value)
		}
	}
	if got.UUID != "m-1" || string(got.Payload) != "\x00\xff" || got.Metadata["ce_type"] != "order.placed" {
		t.Errorf("got %+v", got)
	}
	if e := <-events; e.ID != "m-1" || e.Source != "/orders" || e.Key != "o-7" || e.Extensions["tenant"] != "a" || e.Time.Year() != 2026 || e.DataContentType != "application/octet-stream" {
		t.Errorf("the event is %+v", e)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	if _, err := watermill.NewPubSub(watermill.Config{}); !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("no bus: %v", err)
	}
	p := pubSub(t, memory(t), "g")
	for name, value := range map[string]string{"ce_time": "now", "ce_specversion": "0.3"} {
		m := message.NewMessage(wm.NewUUID(), nil)
		m.Metadata.Set(name, value)
		if err := p.Publish("t", m); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Publish("t", message.NewMessage(wm.NewUUID(), nil)); !errors.Is(err, fault.FailedPrecondition) {
		t.Errorf("publish on a closed one: %v", err)
	}
	if _, err := p.Subscribe(t.Context(), "t"); !errors.Is(err, fault.FailedPrecondition) {
		t.Errorf("subscribe on a closed one: %v", err)
	}
}

// watched is a bus that reports what its handlers return.
type watched struct {
	eventbus.Bus
	returned chan error
}

func (w watched) Subscribe(topic, group string, h eventbus.Handler) (func(context.Context) error, error) {
	return w.Bus.Subscribe(topic, group, func(ctx context.Context, e eventbus.Event) error {
		err := h(ctx, e)
		w.returned <- err
		return err
	})
}

func TestAMessageThatIsAckedBeforeTheEndIsHandled(t *testing.T) {
	for range 200 {
		bus := watched{memory(t), make(chan error, 1)}
		p := pubSub(t, bus, "g")
		messages, err := p.Subscribe(t.Context(), "t")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Publish("t", message.NewMessage("m-1", nil)); err != nil {
			t.Fatal(err)
		}
		runtime.Gosched() // so that the bus may wait for the receiver
		(<-messages).Ack()
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-bus.returned; err != nil {
			t.Fatalf("an acked message failed: %v", err)
		}
	}
}
