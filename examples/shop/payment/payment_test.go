package payment

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// openTill runs the payment service beside orders that are all pending.
func openTill(t *testing.T, before ...record) (*Service, eventbus.Bus) {
	t.Helper()
	config := sinew.Config{Addr: "127.0.0.1:0", Registry: registry.NewMemory(), Bus: eventbus.NewMemory(eventbus.MemoryPolicy{})}
	orders, svc := sinew.New("order", config), sinew.New("payment", config)
	db, err := database.Open("", "payment", Schema...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		if err := errors.Join(svc.Shutdown(ctx), orders.Shutdown(ctx), config.Bus.Close(ctx), db.Close()); err != nil {
			t.Error(err)
		}
	})
	api.GetOrder.Handle(orders, func(_ context.Context, r *api.ByID) (*api.Order, error) {
		return &api.Order{ID: r.ID, Status: api.OrderPending, TotalAmount: 1000, Currency: "USD"}, nil
	})
	for _, r := range before {
		if err := payments.Insert(t.Context(), db, r.ID, &r); err != nil {
			t.Fatal(err)
		}
	}
	s, err := New(svc, db, Demo{})
	if err := errors.Join(err, orders.Start(t.Context()), svc.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	return s, config.Bus
}

// becomes waits until a payment has the status.
func (s *Service) becomes(t *testing.T, id string, status api.PaymentStatus) {
	t.Helper()
	var now api.PaymentStatus
	for deadline := time.Now().Add(20 * time.Second); now != status && time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		r, err := payments.Get(t.Context(), s.db, id)
		if err != nil {
			t.Fatal(err)
		}
		now = r.Status
	}
	if now != status {
		t.Errorf("the payment is %s, want %s", now, status)
	}
}

func TestAPaymentWhoseProcessDiedIsBroughtToItsEnd(t *testing.T) {
	s, _ := openTill(t, record{api.Payment{ID: "pay-1", OrderID: "o-1", Status: api.PaymentProcessing, Amount: 1000}, time.Now().Add(-2 * time.Minute)})
	s.becomes(t, "pay-1", api.PaymentCompleted)
}

func TestAnOrderIsPaidOnce(t *testing.T) {
	s, _ := openTill(t)
	_, first := s.Pay(t.Context(), &api.PaymentRequest{OrderID: "o-1", Method: api.PayPal})
	_, second := s.Pay(t.Context(), &api.PaymentRequest{OrderID: "o-1", Method: api.PayPal})
	if first != nil || second == nil {
		t.Errorf("first %v, then %v", first, second)
	}
}

func TestMoneyOfAnOrderThatIsOverGoesBack(t *testing.T) {
	for _, status := range []api.OrderStatus{api.OrderCancelled, api.OrderRefunded} {
		t.Run(string(status), func(t *testing.T) {
			s, bus := openTill(t)
			paid, err := s.Pay(t.Context(), &api.PaymentRequest{OrderID: "o-1", Method: api.PayPal})
			if err == nil {
				err = api.OrderStatusChanged.Publish(t.Context(), bus, api.Order{ID: "o-1", Status: status})
			}
			if err != nil {
				t.Fatal(err)
			}
			s.becomes(t, paid.ID, api.PaymentRefunded)
		})
	}
}
