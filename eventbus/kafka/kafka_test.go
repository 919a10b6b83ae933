package kafka_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventbustest"
	"github.com/sinew-go/sinew/eventbus/kafka"
	"github.com/sinew-go/sinew/internal/brokertest"
	"github.com/sinew-go/sinew/internal/realserver"
)

// fake starts a cluster in this process, and returns its addresses.
func fake(t testing.TB, options ...kfake.Opt) []string {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(time.Second)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()
}

func open(t testing.TB, brokers ...string) *kafka.Bus {
	t.Helper()
	return openWith(t, kafka.Config{Brokers: brokers})
}

func openWith(t testing.TB, c kafka.Config) *kafka.Bus {
	t.Helper()
	if c.SessionTimeout == 0 {
		c.SessionTimeout = shortSession
	}
	if c.Logger == nil {
		c.Logger = testLogger()
	}
	b, err := kafka.New(c)
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

// shortSession is how long the tests wait for a member that is dead.
const shortSession = 2 * time.Second

var features = eventbustest.Features{RealTime: true, NoBackPressure: true, SharesPartitions: true, NoSchedule: true, Events: 800, LargestData: 998_000}

func TestKafkaKeepsTheRulesOnAFakeCluster(t *testing.T) {
	brokers := fake(t)
	eventbustest.Run(t, features, func(t *testing.T) eventbus.Bus { return open(t, brokers...) })
}

// TestARealBroker has all tests that need one: a broker costs more than they do. The last
// ones kill it.
func TestARealBroker(t *testing.T) {
	server := realserver.Kafka(t)
	brokertest.Publish(t, open(t, server.Addr), "late", "old")
	old := time.Now()
	t.Run("keeps the rules", func(t *testing.T) {
		few := features // the fake cluster has the many: here each costs a millisecond of the broker
		few.Events = 400
		eventbustest.Run(t, few, func(t *testing.T) eventbus.Bus {
			return openWith(t, kafka.Config{Brokers: []string{server.Addr}, Partitions: 8})
		})
	})
	t.Run("explains what it refuses", func(t *testing.T) { testRefusals(t, server) })
	t.Run("a member whose process is killed loses no event", func(t *testing.T) { brokertest.Crash(t, server.Addr, open(t, server.Addr)) })
	testOutage(t, server, old)
}

// testLogger discards all, unless the tests run with KAFKA_TEST_LOG=1.
func testLogger() *slog.Logger {
	if os.Getenv("KAFKA_TEST_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
