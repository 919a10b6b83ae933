package order

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/internal/follow"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
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
	db, err := database.Open("", "order", Schema...)
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
	if err := orders.Insert(t.Context(), d.db, o.ID, &record{Order: o, Placed: placed}); err != nil {
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
	found, err := orders.Where(t.Context(), d.db, `true`)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestARepeatAfterACrashGoesOnWithTheOrderThatWasBegun(t *testing.T) {
	d := openDesk(t)
	d.addGoods()
	d.store(t, api.OrderPending, false, api.PaymentInfo{}) // of a process that died before the saga began
	if _, err := orders.Change(t.Context(), d.db, "o-1", func(_ *sql.Tx, r *record) error {
		r.Request = database.Request(keyed(t.Context()), &api.Order{UserID: "u-1", Items: []api.OrderItem{{ProductID: "p-1", Quantity: 1}}})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		made, err := d.create(keyed(t.Context()), basket)
		if all := d.all(t); err != nil || made.ID != "o-1" || len(all) != 1 || !all[0].Placed {
			t.Errorf("%+v (%v) of %d orders", made, err, len(all))
		}
	}
	if other, err := d.create(t.Context(), basket); err != nil || other.ID == "o-1" {
		t.Errorf("a request without the key is the same order: %v", err)
	}
}

func TestARepeatOfAnOrderThatFailedIsANewOne(t *testing.T) {
	d := openDesk(t)
	d.addGoods()
	d.refuse = fault.Unavailable.Errorf("the inventory is away")
	if _, err := d.create(keyed(t.Context()), basket); err == nil {
		t.Error("it was placed")
	}
	d.mu.Lock()
	d.refuse = nil
	d.mu.Unlock()
	made, err := d.create(keyed(t.Context()), basket)
	if err != nil || made.Status != api.OrderPending || len(d.all(t)) != 2 {
		t.Errorf("%+v (%v)", made, err)
	}
}

func TestARepeatAfterACrashIsAnsweredWithTheOrderWhateverBecameOfIt(t *testing.T) {
	d := openDesk(t)
	d.addGoods()
	keys := idempotency.NewMemory()
	died := errors.New("the process dies before the answer is kept")
	create := endpoint.New(func(ctx context.Context, r *api.CreateOrderRequest) (*api.Order, error) {
		o, err := d.create(ctx, r)
		if died != nil {
			return nil, errors.Join(died, err)
		}
		return o, err
	}).With(idempotency.Middleware[*api.CreateOrderRequest, *api.Order](keys))
	if _, err := create(keyed(t.Context()), basket); !errors.Is(err, died) {
		t.Fatal(err)
	}
	first := d.all(t)[0].ID
	if _, err := d.setStatus(t.Context(), first, api.OrderConfirmed); err != nil {
		t.Fatal(err)
	}
	died = nil
	again, err := create(keyed(t.Context()), basket)
	if err != nil || again.ID != first || len(d.all(t)) != 1 {
		t.Errorf("first %s, then %+v (%v) of %d orders", first, again, err, len(d.all(t)))
	}
}

func TestAnOrderWhoseSagaNeverBeganIsCancelled(t *testing.T) {
	for age, want := range map[time.Duration]api.OrderStatus{30 * time.Second: api.OrderPending, 90 * time.Second: api.OrderCancelled} {
		d := openDesk(t)
		o := api.Order{ID: "o-1", Status: api.OrderPending, CreatedAt: time.Now().UTC().Add(-age)}
		if err := errors.Join(orders.Insert(t.Context(), d.db, o.ID, &record{Order: o}), d.expire(t.Context())); err != nil {
			t.Fatal(err)
		}
		d.checkOrder(t, want, "")
	}
}

func TestAnOrderThatIsPaidIsShippedAndDelivered(t *testing.T) {
	d := openDesk(t)
	d.place(t)
	for range 2 { // events may arrive twice
		if err := d.hearOfPayment(t.Context(), money); err != nil {
			t.Fatal(err)
		}
		d.waitForOrder(t, api.OrderProcessing, api.PaymentCompleted)
	}
	if _, err := d.fulfilments.Wait(t.Context(), "o-1", "ship"); err != nil {
		t.Fatal(err)
	}
	for _, status := range []api.ShipmentStatus{api.ShipmentPreparing, api.ShipmentShipped, api.ShipmentShipped, api.ShipmentDelivered, api.ShipmentDelivered} {
		if err := d.hearOfShipment(t.Context(), api.Shipment{OrderID: "o-1", Status: status}); err != nil {
			t.Error(err)
		}
	}
	d.waitForEnd(t, saga.Done)
	d.checkOrder(t, api.OrderDelivered, api.PaymentCompleted)
	if freed, repaid, sent := d.called(); freed != 0 || repaid != 0 || sent != 1 {
		t.Errorf("freed %d times, repaid %d times, sent %d times", freed, repaid, sent)
	}
}

func TestAnOrderThatIsWithLogisticsIsNotCancelled(t *testing.T) {
	for _, status := range []api.OrderStatus{api.OrderProcessing, api.OrderShipped, api.OrderDelivered} {
		d := openDesk(t)
		d.store(t, status, true, taken)
		if err := d.CancelOrder(t.Context(), "o-1"); fault.ReasonOf(err) != "illegal_transition" {
			t.Errorf("%s: %v", status, err)
		}
		d.checkOrder(t, status, api.PaymentCompleted)
	}
}

func TestAnOrderThatHoldsNoStockIsNotConfirmed(t *testing.T) {
	d := openDesk(t)
	d.store(t, api.OrderPending, false, api.PaymentInfo{})
	if err := d.UpdateOrderStatus(t.Context(), "o-1", api.OrderConfirmed); !errors.Is(err, fault.FailedPrecondition) {
		t.Error(err)
	}
	d.checkOrder(t, api.OrderPending, "")
}

func TestAPaymentThatComesBeforeTheSagaWaitsForIt(t *testing.T) {
	d := openDesk(t)
	d.store(t, api.OrderPending, false, api.PaymentInfo{})
	if err := d.hearOfPayment(t.Context(), money); !errors.Is(err, follow.ErrEarly) {
		t.Error(err)
	}
	d.checkOrder(t, api.OrderPending, "")
}

func TestAPaymentForACancelledOrderIsRefunded(t *testing.T) {
	d := openDesk(t)
	d.place(t)
	if err := d.CancelOrder(t.Context(), "o-1"); err != nil {
		t.Fatal(err)
	}
	if err := d.hearOfPayment(t.Context(), money); err != nil {
		t.Error(err)
	}
	d.checkOrder(t, api.OrderCancelled, api.PaymentRefunded)
}

func TestAnOrderThatIsConfirmedByHandWaitsForNoPayment(t *testing.T) {
	d := openDesk(t)
	d.place(t)
	if err := d.UpdateOrderStatus(t.Context(), "o-1", api.OrderConfirmed); err != nil {
		t.Fatal(err)
	}
	d.waitForOrder(t, api.OrderProcessing, "")
}

func TestAnOrderThatIsCancelledIsFreed(t *testing.T) {
	d := openDesk(t)
	d.place(t)
	if err := d.CancelOrder(t.Context(), "o-1"); err != nil {
		t.Fatal(err)
	}
	d.waitForEnd(t, saga.Undone)
	if freed, repaid, sent := d.called(); freed != 1 || repaid != 0 || sent != 0 {
		t.Errorf("freed %d times, repaid %d times, sent %d times", freed, repaid, sent)
	}
}

func TestAnOrderWhosePaymentFailedIsRepaidAndFreed(t *testing.T) {
	d := openDesk(t)
	d.place(t)
	if err := d.hearOfPayment(t.Context(), api.Payment{OrderID: "o-1", Status: api.PaymentFailed}); err != nil {
		t.Fatal(err)
	}
	d.waitForEnd(t, saga.Undone)
	d.checkOrder(t, api.OrderCancelled, api.PaymentFailed)
	if freed, repaid, sent := d.called(); freed != 1 || repaid != 1 || sent != 0 {
		t.Errorf("freed %d times, repaid %d times, sent %d times", freed, repaid, sent)
	}
}

func TestAnOrderThatGoesBackShowsItsMoneyAsRefunded(t *testing.T) {
	d := openDesk(t)
	d.store(t, api.OrderDelivered, true, taken)
	if err := d.UpdateOrderStatus(t.Context(), "o-1", api.OrderRefunded); err != nil {
		t.Error(err)
	}
	d.checkOrder(t, api.OrderRefunded, api.PaymentRefunded)
}

func TestAnOrderWhoseStockIsRefusedIsCancelledAndFreed(t *testing.T) {
	d := openDesk(t)
	d.refuse = fault.FailedPrecondition.Errorf("there is none").WithReason("insufficient_stock")
	d.store(t, api.OrderPending, false, api.PaymentInfo{})
	if err := d.ProcessOrder(t.Context(), "o-1"); fault.ReasonOf(err) != "insufficient_stock" {
		t.Error(err)
	}
	d.checkOrder(t, api.OrderCancelled, "")
	if freed, _, _ := d.called(); freed != 1 {
		t.Errorf("freed %d times", freed)
	}
}

func TestAnOrderThatCannotBeProcessedInTimeIsCancelled(t *testing.T) {
	d := openDesk(t)
	d.store(t, api.OrderPending, false, api.PaymentInfo{})
	late, cancel := context.WithCancel(t.Context())
	hold := d.hold
	d.hold = func(ctx context.Context, h *api.Hold) (*api.Inventory, error) {
		defer cancel()
		return hold(ctx, h)
	}
	d.refuse = fault.Unavailable.Errorf("the inventory is away")
	if err := d.ProcessOrder(late, "o-1"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	d.checkOrder(t, api.OrderCancelled, "")
	d.waitForEnd(t, saga.Undone)
}

func TestAnOrderThatWasProcessedIsNotProcessedAgain(t *testing.T) {
	d := openDesk(t)
	d.place(t)
	if err := d.ProcessOrder(t.Context(), "o-1"); err != nil {
		t.Error(err)
	}
	if d.mu.Lock(); len(d.reserved) != 1 {
		t.Errorf("reserved %q", d.reserved)
	}
	d.mu.Unlock()
}
