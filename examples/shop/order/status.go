package order

import (
	"context"
	"errors"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/fault"
)

// setStatus changes the status of the order by hand, and lets its saga follow: an order that
// is over is undone, one that is confirmed waits for no payment.
func (s *Service) setStatus(ctx context.Context, id string, status api.OrderStatus) (*api.Order, error) {
	r, err := s.change(ctx, id, func(ctx context.Context, r record, to eventbus.Publisher) error {
		if r.Status == status {
			return nil
		}
		return r.move(ctx, to, status)
	})
	switch {
	case err != nil:
		return nil, err
	case isOver(status):
		err = s.fulfilments.Cancel(ctx, id)
	case status == api.OrderConfirmed:
		err = s.fulfilments.Skip(ctx, id, "pay")
	}
	if errors.Is(err, fault.NotFound) || errors.Is(err, fault.FailedPrecondition) {
		err = nil // the saga is at its end
	}
	return &r.Order, err
}

// move changes the status of the order to one that may follow.
func (r record) move(ctx context.Context, to eventbus.Publisher, status api.OrderStatus) error {
	switch {
	case !r.Status.May(status):
		return illegalTransition("order %s is %s and cannot become %s", r.ID, r.Status, status)
	case !r.Placed && status != api.OrderCancelled:
		return illegalTransition("order %s does not hold its stock yet and cannot become %s", r.ID, status)
	}
	return moved.Publish(ctx, to, orderMoved{status, time.Now().UTC()})
}

// detached returns a context for work that must be completed even if the buyer has left.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}

// isOver reports whether the order was cancelled or refunded.
func isOver(s api.OrderStatus) bool { return s == api.OrderCancelled || s == api.OrderRefunded }

func illegalTransition(format string, args ...any) error {
	return api.Conflict("illegal_transition", format, args...)
}
