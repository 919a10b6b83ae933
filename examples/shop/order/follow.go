package order

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/follow"
	"github.com/sinew-go/sinew/fault"
)

// follow subscribes to the results of payments and the progress of shipments.
func (s *Service) follow(svc *sinew.Service) error {
	return errors.Join(
		api.PaymentFinished.Handle(svc, "order", s.hearOfPayment, follow.Safely(svc)),
		api.ShipmentMoved.Handle(svc, "order", s.hearOfShipment, follow.Safely(svc)),
	)
}

// hearOfPayment brings the result of a payment to the saga of its order. If the order is
// over, its money must be returned: its final status is published again.
func (s *Service) hearOfPayment(ctx context.Context, p api.Payment) error {
	r, err := s.change(ctx, p.OrderID, func(ctx context.Context, r record, to eventbus.Publisher) error {
		if !isOver(r.Status) || p.Status != api.PaymentCompleted {
			return nil
		}
		return paidLate.Publish(ctx, to, orderPaidLate{info(p)})
	})
	if err != nil {
		return ignoreLate(ctx, err)
	}
	err = s.fulfilments.Deliver(ctx, p.OrderID, "pay", p)
	if errors.Is(err, fault.NotFound) && r.Status == api.OrderPending {
		return fmt.Errorf("the saga of order %s has not begun: %w", r.ID, follow.ErrEarly)
	}
	return ignoreLate(ctx, err)
}

func info(p api.Payment) api.PaymentInfo {
	return api.PaymentInfo{Method: p.Method, Status: p.Status, TransactionID: p.TransactionID, Amount: p.Amount, Currency: p.Currency, ProcessedAt: p.ProcessedAt}
}

// hearOfShipment updates the order with the progress of its shipment, whose delivery ends
// the saga.
func (s *Service) hearOfShipment(ctx context.Context, sh api.Shipment) error {
	status, ok := steps[sh.Status]
	if !ok {
		return nil
	}
	_, err := s.change(ctx, sh.OrderID, func(ctx context.Context, r record, to eventbus.Publisher) error {
		if r.Status == status {
			return nil
		}
		if err := tracked.Publish(ctx, to, orderTracked{sh.Tracking, status, time.Now().UTC()}); err != nil {
			return err
		}
		return r.move(ctx, to, status)
	})
	if err := ignoreLate(ctx, err); err != nil || status != api.OrderDelivered {
		return err
	}
	return ignoreLate(ctx, s.fulfilments.Deliver(ctx, sh.OrderID, "deliver", sh))
}

// steps maps the status of a shipment to that of its order.
var steps = map[api.ShipmentStatus]api.OrderStatus{
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
