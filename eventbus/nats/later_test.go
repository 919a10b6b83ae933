package nats_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/brokertest"
	"github.com/sinew-go/sinew/internal/realserver"
)

func TestAnEventThatIsNotDueSurvivesARestartOfTheServerAndOfThePublisher(t *testing.T) {
	server := realserver.NATS(t)
	seen := brokertest.Collect(t, open(t, server.Addr), "order.due", "g")
	b := open(t, server.Addr)
	due := time.Now().Add(3 * time.Second)
	if err := b.PublishAt(t.Context(), "order.due", due, eventbus.Event{ID: "1", Source: "test"}); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	server.Start()
	brokertest.Expect(t, seen, "1")
	if early := time.Until(due); early > 0 {
		t.Errorf("it came %s too early", early)
	}
}

func TestAnEventThatIsPublishedLaterTwiceComesOnce(t *testing.T) {
	server := realserver.NATS(t)
	b := open(t, server.Addr)
	seen := brokertest.Collect(t, b, "order.due", "g")
	for _, wait := range []time.Duration{time.Second, 2 * time.Second} {
		if err := b.PublishAt(t.Context(), "order.due", time.Now().Add(wait), eventbus.Event{ID: "1", Source: "test"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.PublishAt(t.Context(), "order.due", time.Now().Add(2500*time.Millisecond), eventbus.Event{ID: "2", Source: "test"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1", "2"} {
		if got := <-seen; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAStreamThatCannotStoreAnEventUntilItIsDueIsNamed(t *testing.T) {
	server := realserver.NATS(t)
	conn, err := natsgo.Connect(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "sinew_old", Subjects: []string{"sinew.old.*"}}); err != nil {
		t.Fatal(err)
	}
	b := open(t, server.Addr)
	for _, c := range []struct {
		topic string
		wait  time.Duration
		code  fault.Code
		says  string
	}{
		{"old", time.Hour, fault.FailedPrecondition, "allow_msg_schedules"},
		{"far", 8 * 24 * time.Hour, fault.InvalidArgument, "168h"},
	} {
		err := b.PublishAt(t.Context(), c.topic, time.Now().Add(c.wait), eventbus.Event{})
		if !errors.Is(err, c.code) || !strings.Contains(fmt.Sprint(err), c.says) || !strings.Contains(fmt.Sprint(err), "sinew_"+c.topic) || !strings.Contains(fmt.Sprint(err), "outbox") {
			t.Errorf("%s: %v, want %v", c.topic, err, c.code)
		}
	}
}
