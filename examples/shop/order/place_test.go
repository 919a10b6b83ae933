package order

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/internal/follow"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is the order service beside an inventory that notes what it is asked.
type desk struct {
	*Service
	mu          sync.Mutex
	held, freed []string
	refuse      error
}

func openDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{}
	config := sinew.Config{Addr: "127.0.0.1:0", Registry: registry.NewMemory(), Bus: eventbus.NewMemory(eventbus.MemoryPolicy{})}
	inventory, svc := sinew.New("inventory", config), sinew.New("order", config)
	db, err := database.Open("", "order", Schema...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		if err := errors.Join(svc.Shutdown(ctx), inventory.Shutdown(ctx), config.Bus.Close(ctx), db.Close()); err != nil {
			t.Error(err)
		}
	})
	api.HoldInventory.Handle(inventory, func(_ context.Context, h *api.Hold) (*api.Inventory, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.held = append(d.held, h.ProductID)
		return &api.Inventory{}, d.refuse
	})
	api.FreeInventory.Handle(inventory, func(_ context.Context, h *api.ByHold) (endpoint.None, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.freed = append(d.freed, h.ProductID)
		return endpoint.None{}, nil
	})
	d.Service, err = New(svc, db)
	if err := errors.Join(err, inventory.Start(t.Context()), svc.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	return d
}

// keep stores an order of one piece of p-1.
func (d *desk) keep(t *testing.T, status api.OrderStatus, placed bool, payment api.PaymentInfo) {
	t.Helper()
	o := api.Order{ID: "o-1", Status: status, Payment: payment, Items: []api.OrderItem{{ProductID: "p-1", Quantity: 1}}, CreatedAt: time.Now()}
	if err := orders.Insert(t.Context(), d.db, o.ID, &record{o, placed}); err != nil {
		t.Fatal(err)
	}
}

// is expects the status of the order and of its payment.
func (d *desk) is(t *testing.T, status api.OrderStatus, payment api.PaymentStatus) {
	t.Helper()
	o, err := d.GetOrder(t.Context(), "o-1")
	if err != nil || o.Status != status || o.Payment.Status != payment {
		t.Errorf("the order is %s, its payment %q (%v); want %s and %q", o.Status, o.Payment.Status, err, status, payment)
	}
}

func (d *desk) freedOnce(t *testing.T) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.freed) != 1 {
		t.Errorf("freed %q", d.freed)
	}
}

var (
	money = api.Payment{ID: "pay-1", OrderID: "o-1", Status: api.PaymentCompleted, TransactionID: "tx-1"}
	taken = info(money)
)

func TestAnOrderThatHoldsNoStockIsNotConfirmed(t *testing.T) {
	d := openDesk(t)
	d.keep(t, api.OrderPending, false, api.PaymentInfo{})
	if err := d.UpdateOrderStatus(t.Context(), "o-1", api.OrderConfirmed); !errors.Is(err, fault.FailedPrecondition) {
		t.Error(err)
	}
	d.is(t, api.OrderPending, "")
}

func TestAPaymentWaitsUntilItsOrderIsPlaced(t *testing.T) {
	d := openDesk(t)
	d.keep(t, api.OrderPending, false, api.PaymentInfo{})
	if err := d.paid(t.Context(), money); !errors.Is(err, follow.ErrEarly) {
		t.Error(err)
	}
	d.is(t, api.OrderPending, "")
	for range 2 { // events may come twice
		if err := errors.Join(d.ProcessOrder(t.Context(), "o-1"), d.paid(t.Context(), money)); err != nil {
			t.Error(err)
		}
		d.is(t, api.OrderConfirmed, api.PaymentCompleted)
	}
}

func TestAPaymentForACancelledOrderIsRefunded(t *testing.T) {
	d := openDesk(t)
	d.keep(t, api.OrderPending, false, api.PaymentInfo{})
	if err := d.CancelOrder(t.Context(), "o-1"); err != nil {
		t.Fatal(err)
	}
	if err := d.paid(t.Context(), money); err != nil {
		t.Error(err)
	}
	d.is(t, api.OrderCancelled, api.PaymentRefunded)
}

func TestAnOrderThatEndsShowsItsMoneyAsRefundedAndFreesItsStock(t *testing.T) {
	for from, to := range map[api.OrderStatus]api.OrderStatus{
		api.OrderConfirmed: api.OrderRefunded, api.OrderProcessing: api.OrderCancelled, api.OrderDelivered: api.OrderRefunded,
	} {
		t.Run(string(from), func(t *testing.T) {
			d := openDesk(t)
			d.keep(t, from, true, taken)
			if err := d.UpdateOrderStatus(t.Context(), "o-1", to); err != nil {
				t.Error(err)
			}
			d.is(t, to, api.PaymentRefunded)
			d.freedOnce(t)
		})
	}
}

func TestAnOrderWhoseStockIsRefusedIsCancelledAndFreed(t *testing.T) {
	d := openDesk(t)
	d.refuse = fault.FailedPrecondition.Errorf("there is none").WithReason("insufficient_stock")
	d.keep(t, api.OrderPending, false, api.PaymentInfo{})
	if err := d.ProcessOrder(t.Context(), "o-1"); !errors.Is(err, fault.FailedPrecondition) {
		t.Error(err)
	}
	d.is(t, api.OrderCancelled, "")
	d.freedOnce(t)
}

func TestAnOrderThatCannotBeProcessedInTimeIsCancelled(t *testing.T) {
	d := openDesk(t)
	d.keep(t, api.OrderPending, false, api.PaymentInfo{})
	late, cancel := context.WithCancel(t.Context())
	cancel() // not even the first read succeeds
	if err := d.ProcessOrder(late, "o-1"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	d.is(t, api.OrderCancelled, "")
	d.freedOnce(t)
}

func TestAnOrderThatWasProcessedIsNotProcessedAgain(t *testing.T) {
	d := openDesk(t)
	d.keep(t, api.OrderShipped, true, taken)
	if err := d.ProcessOrder(t.Context(), "o-1"); err != nil {
		t.Error(err)
	}
	d.is(t, api.OrderShipped, api.PaymentCompleted)
}
