//go:build unix

package nats_test

import (
	"context"
	"encoding/json"
	"fmt"
	"syscall"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/internal/realserver"
)

type order struct {
	ID       string   `json:"id"`
	Customer string   `json:"customer"`
	Cents    int64    `json:"cents"`
	Items    []string `json:"items"`
}

func orderOf(i int) order {
	return order{ID: fmt.Sprint("o-", i), Customer: "c-12", Cents: 12_345, Items: []string{"book", "pen"}}
}

var ordered = eventbus.Topic[order]{Name: "t", Key: func(o order) string { return o.ID }}

// client returns the client alone, and a stream for it.
func client(b *testing.B, address string) jetstream.JetStream {
	b.Helper()
	conn, err := natsgo.Connect(address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "bare", Subjects: []string{"bare.*"}, Duplicates: 2 * time.Minute}); err != nil {
		b.Fatal(err)
	}
	return js
}

// BenchmarkPublish publishes with the client alone, and with the bus, by 8 goroutines.
func BenchmarkPublish(b *testing.B) {
	parallel := func(b *testing.B, publish func(i int) error) {
		defer reportProcessorTime(b)()
		b.SetParallelism(4) // of 2 processors
		b.RunParallel(func(p *testing.PB) {
			for i := 0; p.Next(); i++ {
				if err := publish(i); err != nil {
					b.Error(err)
				}
			}
		})
	}
	b.Run("client and JSON", func(b *testing.B) {
		js := client(b, realserver.NATS(b).Addr)
		parallel(b, func(i int) error {
			data, err := json.Marshal(orderOf(i))
			if err == nil {
				_, err = js.Publish(b.Context(), fmt.Sprint("bare.", i%16), data)
			}
			return err
		})
	})
	b.Run("bus and JSON", func(b *testing.B) {
		bus := open(b, realserver.NATS(b).Addr)
		parallel(b, func(i int) error { return ordered.Publish(b.Context(), bus, orderOf(i)) })
	})
}

// BenchmarkConsume works off a backlog with the client alone, and with the bus.
func BenchmarkConsume(b *testing.B) {
	b.Run("client and JSON", func(b *testing.B) {
		js := client(b, realserver.NATS(b).Addr)
		fill(b, func(i int) error {
			data, err := json.Marshal(orderOf(i))
			if err == nil {
				_, err = js.Publish(b.Context(), fmt.Sprint("bare.", i%16), data)
			}
			return err
		})
		consumer, err := js.CreateConsumer(b.Context(), "bare", jetstream.ConsumerConfig{Durable: "g", AckPolicy: jetstream.AckExplicitPolicy})
		if err != nil {
			b.Fatal(err)
		}
		done, n := make(chan struct{}), 0
		defer reportProcessorTime(b)()
		consuming, err := consumer.Consume(func(m jetstream.Msg) {
			var o order
			if err := json.Unmarshal(m.Data(), &o); err != nil {
				b.Error(err)
			}
			_ = m.Ack()
			if n++; n == b.N {
				close(done)
			}
		})
		if err != nil {
			b.Fatal(err)
		}
		<-done
		consuming.Stop()
	})
	b.Run("bus and JSON", func(b *testing.B) {
		bus := open(b, realserver.NATS(b).Addr)
		stop, err := ordered.Subscribe(bus, "g", func(context.Context, order) error { return nil }) // creates the group
		if err == nil {
			err = stop(b.Context())
		}
		if err != nil {
			b.Fatal(err)
		}
		fill(b, func(i int) error { return ordered.Publish(b.Context(), bus, orderOf(i)) })
		done, n := make(chan struct{}), 0
		defer reportProcessorTime(b)()
		if err := ordered.Handle(bus, "g", func(context.Context, order) error {
			if n++; n == b.N {
				close(done)
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
		<-done
	})
}

// fill publishes b.N events by 16 goroutines.
func fill(b *testing.B, publish func(i int) error) {
	done := make(chan error)
	const publishers = 16
	for p := range publishers {
		go func() {
			for i := p; i < b.N; i += publishers {
				if err := publish(i); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range publishers {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}

// reportProcessorTime reports the processor time of each event in this process, which other
// programs change less than the time of the clock.
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
