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
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/internal/follow"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is the order service with an inventory that records its calls.
type desk struct {
	*Service
	mu              sync.Mutex
	reserved, freed []string
	refuse          error
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
		d.reserved = append(d.reserved, h.ProductID)
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

// store stores an order of one piece of p-1.
func (d *desk) store(t *testing.T, status api.OrderStatus, placed bool, payment api.PaymentInfo) {
	t.Helper()
	o := api.Order{ID: "o-1", Status: status, Payment: payment, Items: []api.OrderItem{{ProductID: "p-1", Quantity: 1}}, CreatedAt: time.Now()}
	if err := orders.Insert(t.Context(), d.db, o.ID, &record{Order: o, Placed: placed}); err != nil {
		t.Fatal(err)
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
	d.refuse = fault.Unavailable.Errorf("the inventory is away")
	hold := d.hold
	d.hold = func(context.Context, *api.Hold) (*api.Inventory, error) { panic("the process dies") }
	func() {
		defer func() { _ = recover() }()
		_, _ = d.create(keyed(t.Context()), basket)
	}()
	d.hold, d.refuse = hold, nil
	made, err := d.create(keyed(t.Context()), basket)
	if all := d.all(t); err != nil || len(all) != 1 || all[0].ID != made.ID || !all[0].Placed {
		t.Errorf("%+v (%v) of %d orders", made, err, len(all))
	}
	if other, err := d.create(t.Context(), basket); err != nil || other.ID == made.ID {
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

func TestAnOrderAndTheAnswerToItsKeyAreKeptTogether(t *testing.T) {
	d := openDesk(t)
	d.addGoods()
	keys := idempotency.SQL{DB: d.db}
	d.keys.Store = keys
	if err := keys.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	runs, first := 0, ""
	create := endpoint.New(func(ctx context.Context, r *api.CreateOrderRequest) (*api.Order, error) {
		runs++
		o, err := d.create(ctx, r)
		if err == nil {
			first, err = o.ID, errors.New("the process dies before the answer is kept")
		}
		return nil, err
	}).With(idempotency.Middleware[*api.CreateOrderRequest, *api.Order](keys))
	_, died := create(keyed(t.Context()), basket)
	again, err := create(keyed(t.Context()), basket)
	if died == nil || err != nil || again.ID != first || runs != 1 || len(d.all(t)) != 1 {
		t.Errorf("first %v, then %+v (%v) after %d runs", died, again, err, runs)
	}
}

func TestAnOrderThatNobodyPaysExpires(t *testing.T) {
	for age, want := range map[time.Duration]api.OrderStatus{29 * time.Minute: api.OrderPending, 31 * time.Minute: api.OrderCancelled} {
		d := openDesk(t)
		o := api.Order{ID: "o-1", Status: api.OrderPending, Items: []api.OrderItem{{ProductID: "p-1", Quantity: 1}}, CreatedAt: time.Now().UTC().Add(-age)}
		if err := errors.Join(orders.Insert(t.Context(), d.db, o.ID, &record{Order: o, Placed: true}), d.expire(t.Context())); err != nil {
			t.Fatal(err)
		}
		d.checkOrder(t, want, "")
		if want == api.OrderPending {
			continue
		}
		for freed := 0; freed == 0; { // by expire, or by the service's own sweep, which runs concurrently
			d.mu.Lock()
			freed = len(d.freed)
			d.mu.Unlock()
		}
		if err := d.paid(t.Context(), money); err != nil {
			t.Error(err)
		}
		d.checkOrder(t, want, api.PaymentRefunded)
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

func TestAPaymentWaitsUntilItsOrderIsPlaced(t *testing.T) {
	d := openDesk(t)
	d.store(t, api.OrderPending, false, api.PaymentInfo{})
	if err := d.paid(t.Context(), money); !errors.Is(err, follow.ErrEarly) {
		t.Error(err)
	}
	d.checkOrder(t, api.OrderPending, "")
	for range 2 { // events may arrive twice
		if err := errors.Join(d.ProcessOrder(t.Context(), "o-1"), d.paid(t.Context(), money)); err != nil {
			t.Error(err)
		}
		d.checkOrder(t, api.OrderConfirmed, api.PaymentCompleted)
	}
}

func TestAPaymentForACancelledOrderIsRefunded(t *testing.T) {
	d := openDesk(t)
	d.store(t, api.OrderPending, false, api.PaymentInfo{})
	if err := d.CancelOrder(t.Context(), "o-1"); err != nil {
		t.Fatal(err)
	}
	if err := d.paid(t.Context(), money); err != nil {
		t.Error(err)
	}
	d.checkOrder(t, api.OrderCancelled, api.PaymentRefunded)
}

func TestAnOrderThatEndsShowsItsMoneyAsRefundedAndFreesItsStock(t *testing.T) {
	for from, to := range map[api.OrderStatus]api.OrderStatus{
		api.OrderConfirmed: api.OrderRefunded, api.OrderPending: api.OrderCancelled, api.OrderDelivered: api.OrderRefunded,
	} {
		t.Run(string(from), func(t *testing.T) {
			d := openDesk(t)
			d.store(t, from, true, taken)
			if err := d.UpdateOrderStatus(t.Context(), "o-1", to); err != nil {
				t.Error(err)
			}
			d.checkOrder(t, to, api.PaymentRefunded)
			d.freedOnce(t)
		})
	}
}

func TestAnOrderWhoseStockIsRefusedIsCancelledAndFreed(t *testing.T) {
	d := openDesk(t)
	d.refuse = fault.FailedPrecondition.Errorf("there is none").WithReason("insufficient_stock")
	d.store(t, api.OrderPending, false, api.PaymentInfo{})
	if err := d.ProcessOrder(t.Context(), "o-1"); !errors.Is(err, fault.FailedPrecondition) {
		t.Error(err)
	}
	d.checkOrder(t, api.OrderCancelled, "")
	d.freedOnce(t)
}

func TestAnOrderThatCannotBeProcessedInTimeIsCancelled(t *testing.T) {
	d := openDesk(t)
	d.store(t, api.OrderPending, false, api.PaymentInfo{})
	late, cancel := context.WithCancel(t.Context())
	cancel() // even the first read fails
	if err := d.ProcessOrder(late, "o-1"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	d.checkOrder(t, api.OrderCancelled, "")
	d.freedOnce(t)
}

func TestAnOrderThatWasProcessedIsNotProcessedAgain(t *testing.T) {
	d := openDesk(t)
	d.store(t, api.OrderShipped, true, taken)
	if err := d.ProcessOrder(t.Context(), "o-1"); err != nil {
		t.Error(err)
	}
	d.checkOrder(t, api.OrderShipped, api.PaymentCompleted)
}
