package kafka_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/kafka"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/realserver"
)

// publishes checks what Publish says about an event of a size.
func publishes(t *testing.T, b *kafka.Bus, topic string, size int, code fault.Code, says string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	data := make([]byte, size)
	_, _ = rand.Read(data) // or it would be small when it is compressed
	err := b.Publish(ctx, topic, eventbus.Event{DataContentType: "application/octet-stream", Data: data})
	if !errors.Is(err, code) || !strings.Contains(fmt.Sprint(err), says) || !strings.Contains(fmt.Sprint(err), topic) {
		t.Errorf("publish on %q says %v, want %v and %q", topic, err, code, says)
	}
}

func TestAnEventThatIsTooLargeIsRefusedWithTheLimit(t *testing.T) {
	publishes(t, open(t, fake(t)...), "large", 1_000_000, fault.InvalidArgument, "Config.MaxEventBytes is 1000000")
}

func TestATopicThatMustExistIsRefusedIfItDoesNot(t *testing.T) {
	brokers := fake(t, kfake.SeedTopics(3, "there"))
	b := openWith(t, kafka.Config{Brokers: brokers, TopicsMustExist: true})
	publishes(t, b, "missing", 1, fault.FailedPrecondition, "Config.TopicsMustExist")
	ignore := func(context.Context, eventbus.Event) error { return nil }
	if _, err := b.Subscribe("missing", "g", ignore); !errors.Is(err, fault.FailedPrecondition) || !strings.Contains(fmt.Sprint(err), "Config.TopicsMustExist") {
		t.Errorf("subscribe: %v", err)
	}
	if _, err := b.Subscribe("there", "g", ignore); err != nil {
		t.Errorf("subscribe to one that is there: %v", err)
	}
	if err := b.Publish(t.Context(), "there", eventbus.Event{}); err != nil {
		t.Errorf("publish to one that is there: %v", err)
	}
}

// testRefusals publishes what the broker refuses, and with settings that it refuses.
func testRefusals(t *testing.T, server *realserver.Server) {
	right := kafka.Config{Brokers: []string{server.SASLAddr}, User: realserver.KafkaUser, Password: realserver.KafkaPassword}
	createTopic(t, server.Addr, "small", "max.message.bytes", "10000")
	publishes(t, openWith(t, right), "small", 20_000, fault.InvalidArgument, "max.message.bytes")

	many := right
	many.Replicas = 3
	publishes(t, openWith(t, many), "many", 1, fault.FailedPrecondition, "eplication")

	wrong := right
	wrong.Password = "hunter3"
	publishes(t, openWith(t, wrong), "t", 1, fault.FailedPrecondition, "refuses the credentials")

	other := right
	other.Mechanism = kafka.ScramSHA256
	publishes(t, openWith(t, other), "t", 1, fault.FailedPrecondition, "refuses the credentials")
}

// createTopic creates a topic with a setting.
func createTopic(t *testing.T, address, topic, name, value string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, map[string]*string{name: &value}, topic); err != nil {
		t.Fatal(err)
	}
}

func TestATopicsNameIsOneOfKafka(t *testing.T) {
	b := open(t, "127.0.0.1:1")
	for _, topic := range []string{"a b", "ä", "a/b", "..", ".", strings.Repeat("x", 250)} {
		publishes(t, b, topic, 1, fault.InvalidArgument, "hyphens")
		if _, err := b.Subscribe(topic, "g", func(context.Context, eventbus.Event) error { return nil }); !errors.Is(err, fault.InvalidArgument) {
			t.Errorf("subscribe to %q: %v", topic, err)
		}
	}
}

func TestEachMechanismAuthenticates(t *testing.T) {
	brokers := fake(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "me", "hunter2"),
		kfake.Superuser("SCRAM-SHA-256", "me", "hunter2"), kfake.Superuser("SCRAM-SHA-512", "me", "hunter2"))
	for _, mechanism := range []string{"", kafka.Plain, kafka.ScramSHA256, kafka.ScramSHA512} {
		c := kafka.Config{Brokers: brokers, Mechanism: mechanism, User: "me", Password: "hunter2"}
		if err := openWith(t, c).Publish(t.Context(), "t", eventbus.Event{}); err != nil {
			t.Errorf("%q: %v", mechanism, err)
		}
	}
}

func TestABrokerThatIsTooOldIsRefused(t *testing.T) {
	publishes(t, open(t, fake(t, kfake.MaxVersions(kversion.V1_0_0()))...), "t", 1, fault.FailedPrecondition, "older than Kafka 2.4")
}

func TestPublishEndsWithItsContextWhileTheBrokerIsAway(t *testing.T) {
	b := open(t, "127.0.0.1:1")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.Publish(ctx, "t", eventbus.Event{}); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("deadline: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if err := b.Publish(ctx, "t", eventbus.Event{}); !errors.Is(err, fault.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestNewReportsAllThatIsWrong(t *testing.T) {
	_, err := kafka.New(kafka.Config{Brokers: []string{"me:hunter2@h:1"}, Mechanism: "KERBEROS", Partitions: -1, Retention: -1})
	for _, says := range []string{"Config.Brokers", "Config.Mechanism", "Config.Partitions", "Config.Retention"} {
		if !errors.Is(err, fault.InvalidArgument) || !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("%v does not speak of %s", err, says)
		}
	}
	if strings.Contains(fmt.Sprint(err), "hunter2") {
		t.Errorf("%v shows a password", err)
	}
	if _, err := kafka.New(kafka.Config{}); !errors.Is(err, fault.InvalidArgument) {
		t.Errorf("the zero Config: %v", err)
	}
}
