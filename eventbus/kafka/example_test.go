package kafka_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/kafka"
)

type Order struct {
	ID string `json:"id"`
}

var Placed = eventbus.Topic[Order]{Name: "order.placed", Key: func(o Order) string { return o.ID }}

// The broker of this example is away: the subscription waits for it, and Publish returns
// an error.
func Example() {
	bus, err := kafka.New(kafka.Config{Brokers: []string{"127.0.0.1:1"}, Logger: slog.New(slog.DiscardHandler)})
	fmt.Println(err)
	fmt.Println(Placed.Handle(bus, "mailer", func(_ context.Context, o Order) error {
		fmt.Println("thank you for order", o.ID)
		return nil
	}))

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	err = Placed.Publish(ctx, bus, Order{ID: "o-7"})
	fmt.Println(err != nil)
	fmt.Println(bus.Close(context.Background()))
	// Output:
	// <nil>
	// <nil>
	// true
	// <nil>
}

func ExampleNew() {
	bus, err := kafka.New(kafka.Config{
		Brokers:  []string{"kafka-1:9092", "kafka-2:9092"},
		TLS:      &tls.Config{},
		User:     "order",
		Password: os.Getenv("KAFKA_PASSWORD"),
		Replicas: 3, // of a topic that the bus creates
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(Placed.Publish(context.Background(), bus, Order{ID: "o-7"}))
}
