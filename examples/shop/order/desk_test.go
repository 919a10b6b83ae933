package order

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/saga"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is the order service with services beside it that record its calls.
type desk struct {
	*Service
	mu                            sync.Mutex
	reserved, freed, repaid, sent []string
	refuse                        error
}

func openDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{}
	config := sinew.Config{Addr: "127.0.0.1:0", Registry: registry.NewMemory(), Bus: eventbus.NewMemory(eventbus.MemoryPolicy{})}
	inventory, svc := sinew.New("inventory", config), sinew.New("order", config)
	payment, logistics := sinew.New("payment", config), sinew.New("logistics", config)
	db, err := database.Open("", "order")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		if err := errors.Join(svc.Shutdown(ctx), inventory.Shutdown(ctx), payment.Shutdown(ctx), logistics.Shutdown(ctx), config.Bus.Close(ctx), db.Close()); err != nil {
			t.Error(err)
		}
	})
	api.HoldInventory.Handle(inventory, func(_ context.Context, h *api.Hold) (*api.Inventory, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.reserved = append(d.reserved, h.ProductID)
		return &api.Inventory{}, d.refuse
	})
	api.FreeInventory.Handle(inventory, func(_ context.Context, h *api.ByHold) (endpoint.None, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.freed = append(d.freed, h.ProductID)
		return endpoint.None{}, nil
	})
	api.RefundOrder.Handle(payment, func(_ context.Context, r *api.ByOrder) (endpoint.None, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.repaid = append(d.repaid, r.OrderID)
		return endpoint.None{}, nil
	})
	api.ShipOrder.Handle(logistics, func(_ context.Context, r *api.ByOrder) (*api.Shipment, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.sent = append(d.sent, r.OrderID)
		return &api.Shipment{}, nil
	})
	d.Service, err = New(svc, db, Embedded(db))
	if err := errors.Join(err, inventory.Start(t.Context()), payment.Start(t.Context()), logistics.Start(t.Context()), svc.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	return d
}

// store stores an order of one piece of p-1.
func (d *desk) store(t *testing.T, status api.OrderStatus, placed bool, payment api.PaymentInfo) {
	t.Helper()
	o := api.Order{ID: "o-1", Status: status, Payment: payment, Items: []api.OrderItem{{ProductID: "p-1", Quantity: 1}}, CreatedAt: time.Now()}
	begin(t, d.Service, record{Order: o, Placed: placed})
}

// begin stores events that make this order.
func begin(t *testing.T, s *Service, r record) {
	t.Helper()
	to := s.store.To(orders.Stream(r.ID), eventstore.Any)
	err := accepted.Publish(t.Context(), to, orderAccepted{r.Order, r.Request})
	if r.Placed {
		err = errors.Join(err, placed.Publish(t.Context(), to, orderPlaced{}))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// place stores an order and begins its saga.
func (d *desk) place(t *testing.T) {
	t.Helper()
	d.store(t, api.OrderPending, false, api.PaymentInfo{})
	if err := d.ProcessOrder(t.Context(), "o-1"); err != nil {
		t.Fatal(err)
	}
}

// waitForOrder waits until the order and its payment have a status.
func (d *desk) waitForOrder(t *testing.T, status api.OrderStatus, payment api.PaymentStatus) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		if o, err := d.GetOrder(t.Context(), "o-1"); err == nil && o.Status == status && o.Payment.Status == payment {
			return
		}
	}
	d.checkOrder(t, status, payment)
}

// waitForEnd waits until the saga of the order is done or undone.
func (d *desk) waitForEnd(t *testing.T, phase saga.Phase) {
	t.Helper()
	if run, _ := d.fulfilments.Wait(t.Context(), "o-1"); run.Phase != phase {
		t.Errorf("the saga is %s, want %s", run.Phase, phase)
	}
}

// checkOrder checks the status of the order and of its payment.
func (d *desk) checkOrder(t *testing.T, status api.OrderStatus, payment api.PaymentStatus) {
	t.Helper()
	o, err := d.GetOrder(t.Context(), "o-1")
	if err != nil || o.Status != status || o.Payment.Status != payment {
		t.Errorf("the order is %s, its payment %q (%v); want %s and %q", o.Status, o.Payment.Status, err, status, payment)
	}
}

// called returns how often services were called: to free stock, to return money, to ship.
func (d *desk) called() (freed, repaid, sent int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.freed), len(d.repaid), len(d.sent)
}

var (
	money = api.Payment{ID: "pay-1", OrderID: "o-1", Status: api.PaymentCompleted, TransactionID: "tx-1"}
	taken = info(money)
)

// keyed returns the context of a request with an idempotency key.
func keyed(ctx context.Context) context.Context {
	ctx = call.With(ctx, call.Record{IdempotencyKey: "k", Operation: call.Operation{Service: "order", Name: "POST /orders"}})
	return ctx
}

// addGoods adds one user and one product.
func (d *desk) addGoods() {
	d.user = func(_ context.Context, r *api.ByID) (*api.User, error) {
		return &api.User{ID: r.ID, Status: api.UserActive}, nil
	}
	d.product = func(_ context.Context, r *api.ByID) (*api.Product, error) {
		return &api.Product{ID: r.ID, Status: api.ProductActive, Price: 100, Currency: "USD"}, nil
	}
}

var basket = &api.CreateOrderRequest{UserID: "u-1", Items: []api.OrderItemRequest{{ProductID: "p-1", Quantity: 1}}}

func (d *desk) all(t *testing.T) []*record {
	t.Helper()
	found, err := d.find(t.Context(), `1 = 1`)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
