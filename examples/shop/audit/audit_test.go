package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventbustest"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// happened are the events of two orders. The order of the events of a topic is that of
// their publication; topics are not in order among each other.
func happened(t *testing.T) []eventbus.Event {
	t.Helper()
	var all []eventbus.Event
	add := func(topic, order string, value any) {
		data, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		e := eventbus.Event{Type: topic, Key: topic + " of " + order, Subject: order, Data: data}.WithDefaults(topic)
		all = append(all, e)
	}
	for _, id := range []string{"o-1", "o-2"} {
		add("order.created", id, api.OrderCreatedEvent{OrderID: id, Items: []api.OrderItem{{ProductID: "p-1", Quantity: 2}}})
		for _, status := range []api.OrderStatus{api.OrderPending, api.OrderConfirmed, api.OrderShipped, api.OrderDelivered} {
			add("order.status", id, api.Order{ID: id, Status: status})
		}
		add("payment.finished", id, api.Payment{ID: "pay-0-" + id, OrderID: id, Status: api.PaymentFailed, Amount: 100})
		add("payment.finished", id, api.Payment{ID: "pay-1-" + id, OrderID: id, Status: api.PaymentCompleted, Amount: 100})
	}
	return all
}

func TestTheAccountsAreTheSameHoweverTheEventsCome(t *testing.T) {
	decode := func(e eventbus.Event, into any) {
		if err := json.Unmarshal(e.Data, into); err != nil {
			t.Fatal(err)
		}
	}
	eventbustest.Converges(t, func() map[string]account { return map[string]account{} },
		func(all map[string]account, e eventbus.Event) map[string]account {
			a := all[e.Subject]
			switch e.Type {
			case "order.created":
				var c api.OrderCreatedEvent
				decode(e, &c)
				a = a.created(c)
			case "order.status":
				var o api.Order
				decode(e, &o)
				a = a.moved(o)
			default:
				var p api.Payment
				decode(e, &p)
				a = a.paid(p)
			}
			all[e.Subject] = a
			return all
		}, happened(t))
}

func Example() {
	ctx := context.Background()
	db, _ := database.Open("", "audit", Schema...)
	defer db.Close()
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	svc := sinew.New("audit", sinew.Config{Addr: "127.0.0.1:0", Bus: bus, Logger: slog.New(slog.DiscardHandler)})
	defer svc.Shutdown(ctx)
	_, err := New(svc, db)
	err = errors.Join(err, svc.Start(ctx),
		api.PaymentFinished.Publish(ctx, bus, api.Payment{ID: "pay-1", OrderID: "o-1", Status: api.PaymentCompleted, Amount: 500}),
		api.OrderCreated.Publish(ctx, bus, api.OrderCreatedEvent{OrderID: "o-1", Items: []api.OrderItem{{ProductID: "p-1", Quantity: 2}}}),
		api.OrderStatusChanged.Publish(ctx, bus, api.Order{ID: "o-1", Status: api.OrderDelivered}),
		bus.Close(ctx),
	)
	r, _ := Of(ctx, db)
	fmt.Println(err, r.Money, r.Orders, r.Sold, r.Reserved)
	// Output: <nil> 5.00 map[delivered:1] map[p-1:2] map[]
}
