package eventbus_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
)

type Order struct {
	ID    string `json:"id"`
	Total int    `json:"total"`
}

var Placed = eventbus.Topic[Order]{Name: "order.placed", Key: func(o Order) string { return o.ID }}

func Example() {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	ctx := context.Background()

	err := Placed.Handle(bus, "mailer", func(_ context.Context, o Order) error {
		fmt.Println("thank you for order", o.ID)
		return nil
	})
	fmt.Println(err)
	fmt.Println(Placed.Publish(ctx, bus, Order{ID: "o-7", Total: 30}))
	fmt.Println(bus.Close(ctx))
	// Unordered output:
	// <nil>
	// <nil>
	// thank you for order o-7
	// <nil>
}

func ExampleDeadLetter() {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	ctx := context.Background()

	_, _ = bus.Subscribe("order.dead", "operator", func(_ context.Context, e eventbus.Event) error {
		fmt.Println("put aside:", string(e.Data), "because", e.Extensions[eventbus.DeadReason])
		return nil
	})
	_ = Placed.Handle(bus, "mailer", func(context.Context, Order) error { return fault.InvalidArgument.Errorf("no such mailbox") },
		eventbus.Dedupe(idempotency.NewMemory(), "mailer"),
		eventbus.DeadLetter(bus, "order.dead", eventbus.Hopeless),
		eventbus.RetryPolicy{Attempts: 2, Backoff: time.Millisecond}.Middleware(),
	)
	_ = Placed.Publish(ctx, bus, Order{ID: "o-7"})
	_ = bus.Close(ctx)
	// Output: put aside: {"id":"o-7","total":0} because invalid_argument: no such mailbox
}

func ExampleEvent() {
	e := eventbus.Event{
		ID: "1", Source: "orders", Type: "order.placed", Key: "o-7",
		Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Data: []byte(`{"id":"o-7"}`),
	}
	text, err := json.Marshal(e)
	fmt.Println(string(text), err)
	// Output: {"data":{"id":"o-7"},"id":"1","partitionkey":"o-7","source":"orders","specversion":"1.0","time":"2026-01-02T03:04:05Z","type":"order.placed"} <nil>
}

func ExampleUpcast() {
	type oldPrice struct{ Euros float64 }
	type price struct {
		Cents    int
		Currency string
	}
	oldPrices := eventbus.Topic[oldPrice]{Name: "price.changed"}
	prices := eventbus.Topic[price]{
		Name: "price.changed", Version: 2,
		Earlier: map[int]func([]byte) (price, error){1: eventbus.Upcast(func(o oldPrice) (price, error) {
			return price{int(100 * o.Euros), "EUR"}, nil
		})},
	}

	ctx, bus := context.Background(), eventbus.NewMemory(eventbus.MemoryPolicy{})
	_ = prices.Handle(bus, "shop", func(_ context.Context, p price) error {
		fmt.Println(p.Cents, p.Currency)
		return nil
	})
	_ = oldPrices.Publish(ctx, bus, oldPrice{Euros: 7.5})
	_ = prices.Publish(ctx, bus, price{Cents: 800, Currency: "EUR"})
	_ = bus.Close(ctx)
	// Output:
	// 750 EUR
	// 800 EUR
}
