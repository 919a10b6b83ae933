package order

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga"
)

// Fulfilment is the state of the saga of an order. The order itself is in the database.
type Fulfilment struct {
	OrderID string `json:"order_id"`
}

// Runs makes the runner of the saga: [Embedded], or one on Temporal.
type Runs func(context.Context, saga.Definition[Fulfilment]) (saga.Runner[Fulfilment], error)

// Embedded runs the saga in tables of db.
func Embedded(db *sql.DB) Runs {
	return func(ctx context.Context, d saga.Definition[Fulfilment]) (saga.Runner[Fulfilment], error) {
		store := saga.SQL{DB: db}
		return saga.New(d, store), store.Create(ctx)
	}
}

// paidWithin is how long an order waits for its payment.
const paidWithin = 30 * time.Minute

// fulfil is what becomes of an order. Until it is processed, it may be cancelled: then what
// was done is undone. Whoever has paid waits while a database or a service is away.
func (s *Service) fulfil() saga.Definition[Fulfilment] {
	patient := saga.RetryPolicy{Attempts: 1000}
	return saga.Definition[Fulfilment]{Name: "order", Steps: []saga.Step[Fulfilment]{
		{Name: "reserve", Do: s.reserve, Undo: s.release},
		{Name: "place", Do: s.place},
		{Name: "pay", Event: saga.On(s.pay), Undo: s.refund, Timeout: paidWithin, Retry: patient},
		{Name: "process", Do: s.process, Undo: s.putBack, Pivot: true, Retry: patient},
		{Name: "ship", Do: s.ship, Retry: patient},
		{Name: "deliver", Event: saga.On(s.deliver)},
	}}
}

// reserve reserves the items, with one hold per product.
func (s *Service) reserve(ctx context.Context, f Fulfilment) (Fulfilment, error) {
	o, err := s.GetOrder(ctx, f.OrderID)
	if err != nil {
		return f, err
	}
	for product, quantity := range pieces(o) {
		if _, err := s.hold(ctx, &api.Hold{ProductID: product, OrderID: o.ID, Quantity: quantity}); err != nil {
			return f, err
		}
	}
	return f, nil
}

// release gives the stock back, and cancels the order if it is not over.
func (s *Service) release(ctx context.Context, f Fulfilment) (Fulfilment, error) {
	r, err := s.change(ctx, f.OrderID, func(ctx context.Context, r record, to eventbus.Publisher) error {
		if isOver(r.Status) {
			return nil
		}
		return r.move(ctx, to, api.OrderCancelled)
	})
	if err != nil {
		return f, err
	}
	for product := range pieces(&r.Order) {
		_, freed := s.free(ctx, &api.ByHold{ProductID: product, OrderID: r.ID})
		err = errors.Join(err, freed)
	}
	return f, err
}

// place marks the order as one that has reserved its stock.
func (s *Service) place(ctx context.Context, f Fulfilment) (Fulfilment, error) {
	_, err := s.change(ctx, f.OrderID, func(ctx context.Context, r record, to eventbus.Publisher) error {
		switch {
		case r.Placed:
			return nil
		case r.Status != api.OrderPending:
			return fault.FailedPrecondition.Errorf("order %s was %s before its stock was reserved", r.ID, r.Status)
		}
		return placed.Publish(ctx, to, orderPlaced{})
	})
	return f, err
}

// pay confirms an order that is paid. It refuses a payment that was declined, and one for
// an order that is over.
func (s *Service) pay(ctx context.Context, f Fulfilment, p api.Payment) (Fulfilment, error) {
	var refusal error
	_, err := s.change(ctx, f.OrderID, func(ctx context.Context, r record, to eventbus.Publisher) error {
		refusal = nil
		if err := paid.Publish(ctx, to, orderPaid{info(p)}); err != nil {
			return err
		}
		switch {
		case p.Status != api.PaymentCompleted:
			refusal = fault.FailedPrecondition.Errorf("payment %s of order %s has failed", p.ID, r.ID)
		case isOver(r.Status):
			refusal = fault.FailedPrecondition.Errorf("order %s is %s", r.ID, r.Status)
		case r.Status == api.OrderPending:
			return r.move(ctx, to, api.OrderConfirmed)
		}
		return nil
	})
	return f, errors.Join(err, refusal)
}

// refund returns the money.
func (s *Service) refund(ctx context.Context, f Fulfilment) (Fulfilment, error) {
	if _, err := s.repay(ctx, &api.ByOrder{OrderID: f.OrderID}); err != nil {
		return f, err
	}
	_, err := s.change(ctx, f.OrderID, func(ctx context.Context, r record, to eventbus.Publisher) error {
		if r.Payment.Status != api.PaymentCompleted {
			return nil
		}
		return repaid.Publish(ctx, to, orderRepaid{})
	})
	return f, err
}

// process hands the order over to logistics: it cannot be cancelled any more.
func (s *Service) process(ctx context.Context, f Fulfilment) (Fulfilment, error) {
	_, err := s.change(ctx, f.OrderID, func(ctx context.Context, r record, to eventbus.Publisher) error {
		switch r.Status {
		case api.OrderProcessing, api.OrderShipped, api.OrderDelivered:
			return nil
		}
		return r.move(ctx, to, api.OrderProcessing)
	})
	return f, err
}

// putBack takes an order back that nobody has told logistics of: its saga was cancelled
// before it was noted that the order is processed.
func (s *Service) putBack(ctx context.Context, f Fulfilment) (Fulfilment, error) {
	_, err := s.change(ctx, f.OrderID, func(ctx context.Context, r record, to eventbus.Publisher) error {
		if r.Status != api.OrderProcessing {
			return nil
		}
		return moved.Publish(ctx, to, orderMoved{api.OrderConfirmed, time.Now().UTC()})
	})
	return f, err
}

// ship makes logistics ship the order.
func (s *Service) ship(ctx context.Context, f Fulfilment) (Fulfilment, error) {
	_, err := s.send(ctx, &api.ByOrder{OrderID: f.OrderID})
	return f, err
}

// deliver ends the saga. The status of the order has followed its shipment.
func (s *Service) deliver(_ context.Context, f Fulfilment, _ api.Shipment) (Fulfilment, error) {
	return f, nil
}
