package order

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/sagatest"
)

// effects are what the steps of an order do elsewhere.
type effects struct {
	reserved, sent bool
	transfers      int // of the customer's money to the shop, less those back
}

// openEffects returns the order service with a paid order, its effects, and what closes both.
func openEffects() (s *Service, e *effects, end func()) {
	db, err := database.Open("", "order")
	if err != nil {
		panic(err)
	}
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	box, err := database.NewOutbox(db, bus)
	if err != nil {
		panic(err)
	}
	store, err := database.NewStore(db)
	if err != nil {
		panic(err)
	}
	s, e = &Service{db: db, store: store, outbox: box}, &effects{transfers: 1}
	s.hold = func(context.Context, *api.Hold) (*api.Inventory, error) {
		e.reserved = true
		return &api.Inventory{}, nil
	}
	s.free = func(context.Context, *api.ByHold) (none endpoint.None, err error) {
		e.reserved = false
		return none, nil
	}
	s.repay = func(context.Context, *api.ByOrder) (none endpoint.None, err error) { e.transfers = 0; return none, nil }
	s.send = func(context.Context, *api.ByOrder) (*api.Shipment, error) { e.sent = true; return &api.Shipment{}, nil }
	o := api.Order{ID: "o-1", Status: api.OrderPending, Items: []api.OrderItem{{ProductID: "p-1", Quantity: 1}}, CreatedAt: time.Now()}
	if err := accepted.Publish(context.Background(), store.To(orders.Stream(o.ID), eventstore.NoStream), orderAccepted{Order: o}); err != nil {
		panic(err)
	}
	return s, e, sync.OnceFunc(func() { _, _ = bus.Close(context.Background()), db.Close() })
}

func TestAnOrderEndsWellWhereverItsProcessDies(t *testing.T) {
	sagatest.CheckCrashes(t, func() sagatest.World[Fulfilment] {
		s, e, end := openEffects()
		t.Cleanup(end) // of a world that is not played
		return sagatest.World[Fulfilment]{
			Definition: s.fulfil(),
			State:      Fulfilment{"o-1"},
			Events: map[string]any{
				"pay":     api.Payment{ID: "pay-1", OrderID: "o-1", Status: api.PaymentCompleted},
				"deliver": api.Shipment{OrderID: "o-1", Status: api.ShipmentDelivered},
			},
			Check: func(run saga.Run[Fulfilment]) error {
				defer end()
				o, err := s.GetOrder(context.Background(), "o-1")
				if err != nil {
					return err
				}
				isDone := o.Status == api.OrderProcessing && e.reserved && e.sent && e.transfers == 1
				isUndone := o.Status == api.OrderCancelled && !e.reserved && !e.sent
				if isDone != (run.Phase == saga.Done) || isUndone != (run.Phase == saga.Undone) {
					return fmt.Errorf("the order is %s, and its effects are %+v", o.Status, *e)
				}
				return nil
			},
			Pairs: 100, Random: 30,
		}
	})
}
