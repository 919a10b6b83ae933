package payment

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// openTill runs the payment service with an order service in which all orders are
// pending.
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
	s, err := New(svc, db, rich{}, "whsec")
	if err := errors.Join(err, orders.Start(t.Context()), svc.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	return s, config.Bus
}

// waitForStatus waits until a payment has the status.
func (s *Service) waitForStatus(t *testing.T, id string, status api.PaymentStatus) {
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

func TestAPaymentWhoseProcessDiedIsCompleted(t *testing.T) {
	s, _ := openTill(t, record{Payment: api.Payment{ID: "pay-1", OrderID: "o-1", Status: api.PaymentProcessing, Amount: 1000}, Begun: time.Now().Add(-2 * time.Minute)})
	s.waitForStatus(t, "pay-1", api.PaymentCompleted)
}

func TestAnOrderIsPaidOnce(t *testing.T) {
	s, _ := openTill(t)
	_, first := s.Pay(t.Context(), &api.PaymentRequest{OrderID: "o-1", Method: api.PayPal})
	_, second := s.Pay(t.Context(), &api.PaymentRequest{OrderID: "o-1", Method: api.PayPal})
	if first != nil || second == nil {
		t.Errorf("first %v, then %v", first, second)
	}
}

func keyed(ctx context.Context) context.Context {
	ctx = call.With(ctx, call.Record{IdempotencyKey: "k", Operation: call.Operation{Service: "payment", Name: "POST /payments"}})
	return ctx
}

var request = &api.PaymentRequest{OrderID: "o-1", Method: api.PayPal}

func TestARepeatAfterACrashIsAnsweredWithThePaymentThatWasBegun(t *testing.T) {
	for _, status := range []api.PaymentStatus{api.PaymentProcessing, api.PaymentCompleted, api.PaymentFailed} {
		before := record{Payment: api.Payment{ID: "pay-1", OrderID: "o-1", Status: status, Amount: 1000}, Begun: time.Now(), Request: database.Request(keyed(t.Context()), request)}
		s, _ := openTill(t, before)
		s.order = func(context.Context, *api.ByID) (*api.Order, error) {
			return &api.Order{ID: "o-1", Status: api.OrderDelivered}, nil
		}
		want := status
		if status == api.PaymentProcessing {
			want = api.PaymentCompleted
		}
		if p, err := s.Pay(keyed(t.Context()), request); err != nil || p.ID != "pay-1" || p.Status != want {
			t.Errorf("%s: %+v, %v", status, p, err)
		}
		if _, err := s.Pay(t.Context(), request); fault.ReasonOf(err) != "illegal_transition" {
			t.Errorf("%s: without the key %v", status, err)
		}
	}
}

func TestAPaymentAndTheAnswerToItsKeyAreKeptTogether(t *testing.T) {
	s, _ := openTill(t)
	keys := idempotency.SQL{DB: s.db}
	s.keys.Store = keys
	if err := keys.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	runs, first := 0, ""
	pay := endpoint.New(func(ctx context.Context, r *api.PaymentRequest) (*api.Payment, error) {
		runs++
		p, err := s.Pay(ctx, r)
		if err == nil {
			first, err = p.ID, errors.New("the process dies before the answer is kept")
		}
		return nil, err
	}).With(idempotency.Middleware[*api.PaymentRequest, *api.Payment](keys))
	_, died := pay(keyed(t.Context()), request)
	again, err := pay(keyed(t.Context()), request)
	if died == nil || err != nil || again.ID != first || again.Status != api.PaymentCompleted || runs != 1 {
		t.Errorf("first %v, then %+v (%v) after %d runs", died, again, err, runs)
	}
}

// rich is a provider that transfers everything.
type rich struct{}

func (rich) Charge(context.Context, *api.Payment) (string, error) { return "tx-1", nil }
func (rich) Refund(context.Context, *api.Payment) error           { return nil }

// away is a provider that fails like its network, before it answers.
type away struct {
	rich
	until *int
}

func (a away) Charge(context.Context, *api.Payment) (string, error) {
	if *a.until--; *a.until >= 0 {
		return "", context.DeadlineExceeded
	}
	return "tx-1", nil
}

func TestAnUnknownResultOfAProviderIsNoDecline(t *testing.T) {
	s, bus := openTill(t)
	failed := make(chan api.Payment, 1)
	if err := api.PaymentFinished.Handle(bus, "test", func(_ context.Context, p api.Payment) error {
		failed <- p
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	failures := 1
	s.provider = away{until: &failures}
	if p, err := s.Pay(keyed(t.Context()), request); !errors.Is(err, fault.Unavailable) {
		t.Errorf("the payment is %+v, %v", p, err)
	}
	s.waitForStatus(t, s.onlyPayment(t), api.PaymentProcessing)
	p, err := s.Pay(keyed(t.Context()), request)
	if err != nil || p.Status != api.PaymentCompleted || p.ID != s.onlyPayment(t) {
		t.Errorf("the repeat is %+v, %v", p, err)
	}
	if payment := <-failed; payment.Status != api.PaymentCompleted {
		t.Errorf("the order hears of %+v", payment)
	}
}

// onlyPayment returns the ID of the only payment.
func (s *Service) onlyPayment(t *testing.T) string {
	t.Helper()
	all, err := payments.Where(t.Context(), s.db, "1")
	if err != nil || len(all) != 1 {
		t.Fatalf("%d payments, %v", len(all), err)
	}
	return all[0].ID
}

func TestAnOrderThatEndsIsRefunded(t *testing.T) {
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
			s.waitForStatus(t, paid.ID, api.PaymentRefunded)
		})
	}
}
