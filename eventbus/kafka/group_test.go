package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/kafka"
	"github.com/sinew-go/sinew/internal/brokertest"
)

// hangingMember has one partition and handles event 1 until its context ends or leave is
// closed. entered gets a value for each delivery.
func hangingMember(t *testing.T, c kafka.Config, leave <-chan struct{}) (b *kafka.Bus, entered chan error) {
	t.Helper()
	b, entered = openWith(t, c), make(chan error, 10)
	if _, err := b.Subscribe("t", "g", func(ctx context.Context, _ eventbus.Event) error {
		entered <- nil
		select {
		case <-leave:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}); err != nil {
		t.Fatal(err)
	}
	brokertest.Publish(t, b, "t", "1")
	<-entered
	return b, entered
}

// countJoins counts the requests to join a group.
func countJoins(t *testing.T, partitions int32) (brokers []string, joins *atomic.Int64) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(time.Second), kfake.SeedTopics(partitions, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	joins = &atomic.Int64{}
	cluster.ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		joins.Add(1)
		return nil, nil, false
	})
	return cluster.ListenAddrs(), joins
}

func TestASlowHandlerKeepsItsPlaceInTheGroup(t *testing.T) {
	brokers, joins := countJoins(t, 1)
	leave := make(chan struct{})
	_, entered := hangingMember(t, kafka.Config{Brokers: brokers, SessionTimeout: time.Second}, leave)
	before := joins.Load()
	select { // longer than the session
	case <-entered:
		t.Error("the event was delivered again while its handler ran")
	case <-time.After(2500 * time.Millisecond):
	}
	close(leave)
	if n := joins.Load(); n != before {
		t.Errorf("the member joined the group %d times more", n-before)
	}
}

func TestAFailingEventIsRedeliveredWithoutLeavingTheGroup(t *testing.T) {
	brokers, joins := countJoins(t, 1)
	b := openWith(t, kafka.Config{Brokers: brokers, SessionTimeout: time.Second})
	deliveries := make(chan time.Time, 100)
	if _, err := b.Subscribe("t", "g", func(context.Context, eventbus.Event) error {
		deliveries <- time.Now()
		return errors.New("not yet")
	}); err != nil {
		t.Fatal(err)
	}
	brokertest.Publish(t, b, "t", "1")
	<-deliveries
	before := joins.Load()
	for range 3 {
		<-deliveries
	}
	if n := joins.Load(); n != before {
		t.Errorf("the member joined the group %d times more", n-before)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Errorf("close with a failing event: %v", err)
	}
}

func TestAPartitionMovesWhenItsHandlerHasEnded(t *testing.T) {
	leave := make(chan struct{})
	brokers := fake(t, kfake.SeedTopics(1, "t"))
	first, _ := hangingMember(t, kafka.Config{Brokers: brokers}, leave)
	other := brokertest.Collect(t, open(t, brokers...), "t", "g")
	closed := make(chan error, 1)
	go func() { closed <- first.Close(t.Context()) }()
	brokertest.Publish(t, open(t, brokers...), "t", "2")
	select {
	case id := <-other:
		t.Errorf("event %s is handled while the first member has the partition", id)
	case <-time.After(500 * time.Millisecond):
	}
	close(leave)
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	if id := <-other; id != "2" {
		t.Errorf("the other member got %s, want 2: the first has handled 1", id)
	}
}

func TestAHandlerIsCancelledWhenItHindersARebalanceForTooLong(t *testing.T) {
	brokers := fake(t, kfake.SeedTopics(2, "t"))
	busy := openWith(t, kafka.Config{Brokers: brokers, HandOverTimeout: 300 * time.Millisecond})
	cancelled, entered := make(chan string, 10), make(chan string, 10)
	for range 2 { // one for each partition
		if _, err := busy.Subscribe("t", "g", func(ctx context.Context, e eventbus.Event) error {
			entered <- e.ID
			<-ctx.Done()
			cancelled <- e.ID
			return ctx.Err()
		}); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; len(entered) < 2; i++ { // until both partitions have an event
		if err := busy.Publish(t.Context(), "t", eventbus.Event{ID: fmt.Sprint(i), Key: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
	seen := brokertest.Collect(t, open(t, brokers...), "t", "g")
	brokertest.Expect(t, seen, <-cancelled) // its handler did not end it
	if len(cancelled) > 0 {
		t.Error("the handler of the partition that stays was cancelled, too")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = busy.Close(ctx)
}

func TestEventsThatWaitAreBoundedAndOtherPartitionsGoOn(t *testing.T) {
	brokers := fake(t, kfake.SeedTopics(2, "t"))
	b := openWith(t, kafka.Config{Brokers: brokers, Prefetch: 20})
	blocked, leave := make(chan string, 10), make(chan struct{})
	seen := make(chan string, 10_000)
	for range 2 {
		if _, err := b.Subscribe("t", "g", func(_ context.Context, e eventbus.Event) error {
			if e.Key == "slow" {
				select {
				case blocked <- e.ID:
				default:
				}
				<-leave
			}
			seen <- e.Key
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for range 500 {
		if err := b.Publish(t.Context(), "t", eventbus.Event{Key: "slow"}); err != nil {
			t.Fatal(err)
		}
	}
	<-blocked
	for i := range 500 { // half of them in the other partition
		if err := b.Publish(t.Context(), "t", eventbus.Event{Key: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for range 150 {
		select {
		case <-seen:
		case <-time.After(30 * time.Second):
			t.Fatal("the other partition waits for the slow handler")
		}
	}
	if n := kafka.Waiting(b); n > 2*20 {
		t.Errorf("%d events wait in memory, want at most Prefetch for each of two partitions", n)
	}
	close(leave)
	for range 850 {
		select {
		case <-seen:
		case <-time.After(30 * time.Second):
			t.Fatal("events that waited on the broker do not arrive")
		}
	}
}

// withLateCoordinators returns a cluster that has no coordinator for the first requests, as
// a new one that has no group yet.
func withLateCoordinators(t *testing.T) []string {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(time.Second), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	var requests atomic.Int64
	cluster.ControlKey(int16(kmsg.FindCoordinator), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		request := r.(*kmsg.FindCoordinatorRequest)
		if requests.Add(1) > 3 {
			return nil, nil, false
		}
		response := request.ResponseKind().(*kmsg.FindCoordinatorResponse)
		response.ErrorCode = kerr.CoordinatorNotAvailable.Code
		for _, key := range request.CoordinatorKeys {
			c := kmsg.NewFindCoordinatorResponseCoordinator()
			c.Key, c.ErrorCode = key, kerr.CoordinatorNotAvailable.Code
			response.Coordinators = append(response.Coordinators, c)
		}
		return response, nil, true
	})
	return cluster.ListenAddrs()
}

func TestAGroupBeginsWithItsSubscribeAlthoughItHasNoCoordinatorYet(t *testing.T) {
	b := open(t, withLateCoordinators(t)...)
	brokertest.Publish(t, b, "t", "before")
	seen := brokertest.Collect(t, b, "t", "g")
	brokertest.Publish(t, b, "t", "after")
	if id := <-seen; id != "after" {
		t.Errorf("got %s, which was published before the group", id)
	}
}

func TestAGroupHasItsPlaceWhenSubscribeReturnsAlthoughItHadNoCoordinator(t *testing.T) {
	brokers := withLateCoordinators(t)
	brokertest.Collect(t, open(t, brokers...), "t", "g")
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	places, err := kadm.NewClient(client).FetchOffsets(t.Context(), "g:t")
	if err != nil {
		t.Fatal(err)
	}
	if place, ok := places.Lookup("t", 0); !ok || place.At != 0 {
		t.Errorf("its place is %v, want the end of the partition, 0", place.At)
	}
}

func TestASubscriptionWithoutAGroupReadsPartitionsThatAreAddedFromTheirBeginning(t *testing.T) {
	brokers := fake(t, kfake.SeedTopics(1, "t"))
	b := open(t, brokers...)
	kafka.SetNewPartitionsPoll(b, 10*time.Millisecond)
	seen := brokertest.Collect(t, b, "t", "")
	brokertest.Publish(t, b, "t", "before")
	brokertest.Expect(t, seen, "before")
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := kadm.NewClient(client).CreatePartitions(t.Context(), 1, "t"); err != nil {
		t.Fatal(err)
	}
	for partition := range int32(2) {
		r := kgo.Record{Topic: "t", Partition: partition}
		if err := client.ProduceSync(t.Context(), &r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	brokertest.Expect(t, seen, "t/0/1", "t/1/0")
}
