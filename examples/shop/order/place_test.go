package order

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/internal/follow"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/saga"
)

func TestARepeatAfterACrashGoesOnWithTheOrderThatWasBegun(t *testing.T) {
	d := openDesk(t)
	d.addGoods()
	items := []api.OrderItem{{ProductID: "p-1", Quantity: 1}}
	begin(t, d.Service, record{ // by a process that died before the saga began
		Order:   api.Order{ID: "o-1", Status: api.OrderPending, Items: items, CreatedAt: time.Now()},
		Request: database.Request(keyed(t.Context()), &api.Order{UserID: "u-1", Items: items}),
	})
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
		begin(t, d.Service, record{Order: o})
		if err := d.expire(t.Context()); err != nil {
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
