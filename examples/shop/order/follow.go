package order

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/follow"
	"github.com/sinew-go/sinew/fault"
)

// follow hears how payments end and how shipments move.
func (s *Service) follow(svc *sinew.Service) error {
	return errors.Join(
		api.PaymentFinished.Handle(svc, "order", s.paid, follow.Safely(svc)),
		api.ShipmentMoved.Handle(svc, "order", s.shipped, follow.Safely(svc)),
	)
}

// paid confirms the order, or cancels it when the payment failed. The event
// waits for an order that does not hold its stock yet. Money for an order that
// is over goes back: the order says once more that it is over.
func (s *Service) paid(ctx context.Context, p api.Payment) error {
	r, err := orders.Change(ctx, s.db, p.OrderID, func(tx *sql.Tx, r *record) error {
		money := p.Status == api.PaymentCompleted
		switch {
		case r.Status == api.OrderPending && !r.Placed:
			return fmt.Errorf("order %s is not placed: %w", r.ID, follow.ErrEarly)
		case r.Status == api.OrderPending && money:
			r.Payment = info(p)
			return s.move(ctx, tx, r, api.OrderConfirmed)
		case r.Status == api.OrderPending:
			r.Payment = info(p)
			return s.move(ctx, tx, r, api.OrderCancelled)
		case over(r.Status) && money:
			r.Payment = info(p)
			r.Payment.Status = api.PaymentRefunded
			return api.OrderStatusChanged.Publish(ctx, s.outbox.In(tx), r.Order)
		case money:
			r.Payment = info(p) // the order was confirmed by hand, or this came before
		}
		return nil
	})
	if err != nil {
		return ignoreLate(ctx, err)
	}
	s.moved(ctx, &r.Order)
	return nil
}

func info(p api.Payment) api.PaymentInfo {
	return api.PaymentInfo{Method: p.Method, Status: p.Status, TransactionID: p.TransactionID, Amount: p.Amount, Currency: p.Currency, ProcessedAt: p.ProcessedAt}
}

// shipped takes the order along with its shipment.
func (s *Service) shipped(ctx context.Context, sh api.Shipment) error {
	status, ok := steps[sh.Status]
	if !ok {
		return nil
	}
	_, err := orders.Change(ctx, s.db, sh.OrderID, func(tx *sql.Tx, r *record) error {
		at := time.Now().UTC()
		r.Shipping.Tracking = sh.Tracking
		switch status {
		case api.OrderShipped:
			r.ShippedAt = &at
		case api.OrderDelivered:
			r.DeliveredAt, r.Shipping.ActualDelivery = &at, &at
		}
		return s.move(ctx, tx, r, status)
	})
	s.outbox.Wake()
	return ignoreLate(ctx, err)
}

// steps are the statuses of an order by that of its shipment.
var steps = map[api.ShipmentStatus]api.OrderStatus{
	api.ShipmentPreparing: api.OrderProcessing,
	api.ShipmentShipped:   api.OrderShipped,
	api.ShipmentDelivered: api.OrderDelivered,
}

// ignoreLate drops what comes too late or twice: the order has gone on.
func ignoreLate(ctx context.Context, err error) error {
	late := errors.Is(err, fault.FailedPrecondition) && !errors.Is(err, follow.ErrEarly)
	if late || errors.Is(err, fault.NotFound) {
		slog.DebugContext(ctx, "an event came late", "why", err)
		return nil
	}
	return err
}
