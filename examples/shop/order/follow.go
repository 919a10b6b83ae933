package order

import (
	"context"
	"errors"
	"log/slog"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/fault"
)

// follow hears how payments end and how shipments move.
func (s *Service) follow(svc *sinew.Service) error {
	return errors.Join(
		api.PaymentFinished.Handle(svc, "order", s.paid, eventbus.Retry{}.Middleware()),
		api.ShipmentMoved.Handle(svc, "order", s.moved, eventbus.Retry{}.Middleware()),
	)
}

// paid confirms or cancels the order. A payment for an order that was cancelled
// meanwhile makes the order say so again, which refunds the payment.
func (s *Service) paid(ctx context.Context, p api.Payment) error {
	status := api.OrderConfirmed
	if p.Status == api.PaymentFailed {
		status = api.OrderCancelled
	}
	o, err := s.move(ctx, p.OrderID, status, func(o *api.Order) {
		o.Payment = api.PaymentInfo{Method: p.Method, Status: p.Status, TransactionID: p.TransactionID, Amount: p.Amount, Currency: p.Currency, ProcessedAt: p.ProcessedAt}
	})
	if err != nil {
		return s.late(ctx, p, err)
	}
	if o.Status == api.OrderCancelled {
		s.giveBack(ctx, o)
	}
	return nil
}

func (s *Service) late(ctx context.Context, p api.Payment, err error) error {
	o, getErr := s.GetOrder(ctx, p.OrderID)
	if getErr == nil && o.Status == api.OrderCancelled && p.Status == api.PaymentCompleted {
		return api.OrderStatusChanged.Publish(ctx, s.bus, *o)
	}
	return ignoreLate(ctx, err)
}

// moved takes the order along with its shipment.
func (s *Service) moved(ctx context.Context, sh api.Shipment) error {
	steps := map[api.ShipmentStatus]api.OrderStatus{
		api.ShipmentPreparing: api.OrderProcessing,
		api.ShipmentShipped:   api.OrderShipped,
		api.ShipmentDelivered: api.OrderDelivered,
	}
	status, ok := steps[sh.Status]
	if !ok {
		return nil
	}
	_, err := s.move(ctx, sh.OrderID, status, func(o *api.Order) {
		at := o.UpdatedAt
		o.Shipping.Tracking = sh.Tracking
		switch status {
		case api.OrderShipped:
			o.ShippedAt = &at
		case api.OrderDelivered:
			o.DeliveredAt, o.Shipping.ActualDelivery = &at, &at
		}
	})
	return ignoreLate(ctx, err)
}

// ignoreLate drops what comes too late or twice: the order has gone on.
func ignoreLate(ctx context.Context, err error) error {
	if errors.Is(err, fault.FailedPrecondition) || errors.Is(err, fault.NotFound) {
		slog.DebugContext(ctx, "an event came late", "why", err)
		return nil
	}
	return err
}
