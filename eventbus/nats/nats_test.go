package nats_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventbustest"
	"github.com/sinew-go/sinew/eventbus/nats"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/brokertest"
	"github.com/sinew-go/sinew/internal/realserver"
)

func open(t testing.TB, url string) *nats.Bus {
	t.Helper()
	b, err := nats.New(nats.Config{URL: url, AckWait: 2 * time.Second, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = b.Close(ctx)
	})
	return b
}

func TestNATSKeepsTheRules(t *testing.T) {
	server := realserver.NATS(t)
	eventbustest.Run(t, eventbustest.Features{RealTime: true, NoBackPressure: true, SharesPartitions: true, Events: 800, LargestData: 780_000}, func(t *testing.T) eventbus.Bus {
		return open(t, server.Addr)
	})
}

func TestNothingIsLostWhenTheServerIsKilledAndRestarted(t *testing.T) {
	server := realserver.NATS(t)
	b := open(t, server.Addr)
	shared, own := brokertest.Collect(t, b, "order.placed", "g"), brokertest.Collect(t, b, "order.placed", "")
	brokertest.Publish(t, b, "order.placed", "1")
	brokertest.Expect(t, shared, "1")
	brokertest.Expect(t, own, "1")

	server.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := b.Publish(ctx, "order.placed", eventbus.Event{ID: "lost", Data: []byte("lost")}); !errors.Is(err, fault.Unavailable) {
		t.Errorf("publish while the server is away: %v", err)
	}
	server.Start()

	brokertest.Publish(t, b, "order.placed", "2")
	brokertest.Expect(t, shared, "2")
	brokertest.Expect(t, own, "2")
}

func TestBusAndSubscriptionsStartedWithoutAServerWorkWhenItStarts(t *testing.T) {
	server := realserver.NATS(t)
	server.Kill()
	b := open(t, server.Addr)
	seen := brokertest.Collect(t, b, "order.placed", "g")
	server.Start()
	brokertest.Publish(t, b, "order.placed", "1")
	brokertest.Expect(t, seen, "1")
}

func TestAGroupStartsWhereItSubscribedAlthoughTheServerWasAway(t *testing.T) {
	server := realserver.NATS(t)
	b := open(t, server.Addr)
	brokertest.Publish(t, b, "order.placed", "old")
	server.Kill()
	server.Start() // takes longer than the resolution of the clock that is read over the network
	server.Kill()
	late := open(t, server.Addr)
	shared, own := brokertest.Collect(t, late, "order.placed", "g"), brokertest.Collect(t, late, "order.placed", "")
	server.Start()
	brokertest.Publish(t, b, "order.placed", "new")
	for _, seen := range []<-chan string{shared, own} {
		if got := <-seen; got != "new" {
			t.Errorf("got %s, which was there before", got)
		}
	}
}

func TestAGroupStartsByTheClockOfTheServer(t *testing.T) {
	server := realserver.NATS(t)
	brokertest.Collect(t, open(t, server.Addr), "order.placed", "g")
	conn, err := natsgo.Connect(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := js.Consumer(t.Context(), "sinew_order_placed", "g-0")
	if err != nil {
		t.Fatal(err)
	}
	if c := consumer.CachedInfo().Config; c.DeliverPolicy != jetstream.DeliverNewPolicy || c.OptStartTime != nil {
		t.Errorf("the group begins by %v, %v", c.DeliverPolicy, c.OptStartTime)
	}
}

func TestMemberThatDiesLosesNoEvent(t *testing.T) {
	server := realserver.NATS(t)
	dying, other := open(t, server.Addr), open(t, server.Addr)
	entered := make(chan struct{})
	var hold atomic.Bool
	hold.Store(true)
	if _, err := dying.Subscribe("order.placed", "g", func(ctx context.Context, _ eventbus.Event) error {
		if hold.Swap(false) {
			close(entered)
			<-ctx.Done()
		}
		return errors.New("dead")
	}); err != nil {
		t.Fatal(err)
	}
	brokertest.Publish(t, other, "order.placed", "1")
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = dying.Close(ctx) // cuts the handler short
	brokertest.Expect(t, brokertest.Collect(t, other, "order.placed", "g"), "1")
}

func TestTheSameEventPublishedTwiceIsStoredOnce(t *testing.T) {
	server := realserver.NATS(t)
	b := open(t, server.Addr)
	seen := brokertest.Collect(t, b, "order.placed", "g")
	brokertest.Publish(t, b, "order.placed", "1")
	brokertest.Publish(t, b, "order.placed", "1")
	brokertest.Publish(t, b, "order.placed", "2")
	for _, want := range []string{"1", "2"} {
		if got := <-seen; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTopicsWithUnusualNamesStaySeparate(t *testing.T) {
	server := realserver.NATS(t)
	b := open(t, server.Addr)
	topics := []string{"a.b", "a_b", "a b", "a>*", "ä", "a.b.1"}
	for _, topic := range topics {
		seen := brokertest.Collect(t, b, topic, "g g.*")
		brokertest.Publish(t, b, topic, topic)
		brokertest.Expect(t, seen, topic)
		if len(seen) > 0 {
			t.Errorf("topic %q got another's event", topic)
		}
	}
}

func TestNewRefusesWhatIsWrongAndNeedsNoServer(t *testing.T) {
	for _, url := range []string{"", "nats://127.0.0.1:port"} {
		if _, err := nats.New(nats.Config{URL: url}); !errors.Is(err, fault.InvalidArgument) || !strings.Contains(fmt.Sprint(err), "Config.URL") {
			t.Errorf("%q: %v", url, err)
		}
	}
	b := open(t, "nats://127.0.0.1:1")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.Publish(ctx, "t", eventbus.Event{}); !errors.Is(err, fault.Unavailable) {
		t.Error(err)
	}
}

func TestMessagesAboutAnEventGoToTheServicesLogger(t *testing.T) {
	server := realserver.NATS(t)
	for name, given := range map[string]bool{"the service's": false, "its own": true} {
		var own, services bytes.Buffer
		c := nats.Config{URL: server.Addr}
		if given {
			c.Logger = slog.New(slog.NewTextHandler(&own, nil))
		}
		b, err := nats.New(c)
		if err != nil {
			t.Fatal(err)
		}
		handled := make(chan struct{})
		tries := 0
		_, err = b.Subscribe("logged", name, func(ctx context.Context, _ eventbus.Event) error {
			eventbus.LogTo(ctx, slog.New(slog.NewTextHandler(&services, nil)))
			switch tries++; tries {
			case 1:
				return errors.New("not yet")
			case 2:
				panic("oops")
			}
			close(handled)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		brokertest.Publish(t, b, "logged", name)
		<-handled
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
		log := map[bool]*bytes.Buffer{true: &own, false: &services}[given].String()
		other := map[bool]*bytes.Buffer{false: &own, true: &services}[given].String()
		if !strings.Contains(log, "will be delivered again") || !strings.Contains(log, "handler panicked") || strings.Contains(other, "event") {
			t.Errorf("%s: %s; the other has %s", name, log, other)
		}
	}
}
