//go:build unix

package kafka_test

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/kafka"
)

type order struct {
	ID       string   `json:"id"`
	Customer string   `json:"customer"`
	Cents    int64    `json:"cents"`
	Items    []string `json:"items"`
}

var ordered = eventbus.Topic[order]{Name: "t", Key: func(o order) string { return o.ID }}

// BenchmarkConsume works off a backlog that waits in a cluster in this process, with the
// client alone and with the bus.
func BenchmarkConsume(b *testing.B) {
	b.Run("client", func(b *testing.B) { consumeBare(b, func(*kgo.Record) error { return nil }) })
	b.Run("client and JSON", func(b *testing.B) {
		consumeBare(b, func(r *kgo.Record) error {
			var o order
			return json.Unmarshal(r.Value, &o)
		})
	})
	b.Run("bus", func(b *testing.B) {
		consume(b, func(bus *kafka.Bus, handled func()) error {
			_, err := bus.Subscribe("t", "g", func(context.Context, eventbus.Event) error {
				handled()
				return nil
			})
			return err
		})
	})
	b.Run("bus and JSON", func(b *testing.B) {
		consume(b, func(bus *kafka.Bus, handled func()) error {
			return ordered.Handle(bus, "g", func(context.Context, order) error {
				handled()
				return nil
			})
		})
	})
}

// backlog publishes b.N events of a topic in which the group has a place.
func backlog(b *testing.B) (brokers []string) {
	b.Helper()
	brokers = fake(b)
	bus := open(b, brokers...)
	stop, err := bus.Subscribe("t", "g", func(context.Context, eventbus.Event) error { return nil })
	if err != nil {
		b.Fatal(err)
	}
	if err := stop(b.Context()); err != nil {
		b.Fatal(err)
	}
	const batch = 1000
	for i := 0; i < b.N; i += batch {
		var events []eventbus.Event
		for n := i; n < min(i+batch, b.N); n++ {
			id := fmt.Sprint("o-", n)
			data, err := json.Marshal(order{ID: id, Customer: "c-12", Cents: 12_345, Items: []string{"book", "pen"}})
			if err != nil {
				b.Fatal(err)
			}
			events = append(events, eventbus.Event{Key: id, DataContentType: "application/json", Data: data})
		}
		if err := bus.Publish(b.Context(), "t", events...); err != nil {
			b.Fatal(err)
		}
	}
	if err := bus.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	return brokers
}

func consumeBare(b *testing.B, handle func(*kgo.Record) error) {
	brokers := backlog(b)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics("t"), kgo.ConsumerGroup("g:t"))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	defer reportProcessorTime(b)()
	for n := 0; n < b.N; {
		client.PollFetches(b.Context()).EachRecord(func(r *kgo.Record) {
			if err := handle(r); err != nil {
				b.Fatal(err)
			}
			n++
		})
	}
}

func consume(b *testing.B, subscribe func(bus *kafka.Bus, handled func()) error) {
	brokers := backlog(b)
	bus := open(b, brokers...)
	n, done := 0, make(chan struct{})
	defer reportProcessorTime(b)()
	if err := subscribe(bus, func() {
		if n++; n == b.N {
			close(done)
		}
	}); err != nil {
		b.Fatal(err)
	}
	<-done
}

// reportProcessorTime reports the processor time of each event, which other programs
// change less than the time of the clock.
func reportProcessorTime(b *testing.B) (stop func()) {
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime()
	return func() {
		b.StopTimer()
		b.ReportMetric(float64(processorTime()-before)/float64(b.N), "cpu-ns/op")
	}
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
