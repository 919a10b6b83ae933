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

// follow subscribes to the results of payments and the progress of shipments.
func (s *Service) follow(svc *sinew.Service) error {
	return errors.Join(
		api.PaymentFinished.Handle(svc, "order", s.paid, follow.Safely(svc)),
		api.ShipmentMoved.Handle(svc, "order", s.shipped, follow.Safely(svc)),
	)
}

// paid confirms the order, or cancels it if the payment failed. The event is redelivered
// until the order has reserved its stock. If the order has ended, its money must be
// returned: the order's final status is published again.
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
		case isOver(r.Status) && money:
			r.Payment = info(p)
			r.Payment.Status = api.PaymentRefunded
			return api.OrderStatusChanged.Publish(ctx, s.outbox.In(tx), r.Order)
		case money:
			r.Payment = info(p) // the order was confirmed manually, or the event is a repeat
		}
		return nil
	})
	if err != nil {
		return ignoreLate(ctx, err)
	}
	s.afterMove(ctx, &r.Order)
	return nil
}

func info(p api.Payment) api.PaymentInfo {
	return api.PaymentInfo{Method: p.Method, Status: p.Status, TransactionID: p.TransactionID, Amount: p.Amount, Currency: p.Currency, ProcessedAt: p.ProcessedAt}
}

// shipped updates the order with the progress of its shipment.
func (s *Service) shipped(ctx context.Context, sh api.Shipment) error {
	status, ok := steps[sh.Status]
	if !ok {
		return nil
	}
	r, err := orders.Change(ctx, s.db, sh.OrderID, func(tx *sql.Tx, r *record) error {
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
	if err == nil {
		s.watchers.notify(&r.Order)
	}
	return ignoreLate(ctx, err)
}

// steps maps the status of a shipment to that of its order.
var steps = map[api.ShipmentStatus]api.OrderStatus{
	api.ShipmentPreparing: api.OrderProcessing,
	api.ShipmentShipped:   api.OrderShipped,
	api.ShipmentDelivered: api.OrderDelivered,
}

// ignoreLate drops a late or repeated event: the order has progressed since.
func ignoreLate(ctx context.Context, err error) error {
	late := errors.Is(err, fault.FailedPrecondition) && !errors.Is(err, follow.ErrEarly)
	if late || errors.Is(err, fault.NotFound) {
		slog.DebugContext(ctx, "an event came late", "why", err)
		return nil
	}
	return err
}
