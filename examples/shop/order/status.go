package order

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew/examples/shop/api"
)

// setStatus changes the status of the order. If that ends the order, it releases the
// stock at once; should that be interrupted, the event does it again.
func (s *Service) setStatus(ctx context.Context, id string, status api.OrderStatus) (*api.Order, error) {
	r, err := orders.Change(ctx, s.db, id, func(tx *sql.Tx, r *record) error {
		if r.Status == status {
			return nil
		}
		return s.move(ctx, tx, r, status)
	})
	if err != nil {
		return nil, err
	}
	s.afterMove(ctx, &r.Order)
	return &r.Order, nil
}

// move changes the status of the order to one that may follow, and publishes it. An order
// that ends after its payment is refunded.
func (s *Service) move(ctx context.Context, tx *sql.Tx, r *record, status api.OrderStatus) error {
	switch {
	case !r.Status.May(status):
		return illegalTransition("order %s is %s and cannot become %s", r.ID, r.Status, status)
	case !r.Placed && status != api.OrderCancelled:
		return illegalTransition("order %s does not hold its stock yet and cannot become %s", r.ID, status)
	}
	r.Status, r.UpdatedAt = status, time.Now().UTC()
	if isOver(status) && r.Payment.Status == api.PaymentCompleted {
		r.Payment.Status = api.PaymentRefunded
	}
	return api.OrderStatusChanged.Publish(ctx, s.outbox.In(tx), r.Order)
}

// afterMove does what follows a move.
func (s *Service) afterMove(ctx context.Context, o *api.Order) {
	s.outbox.Wake()
	s.watchers.notify(o)
	if isOver(o.Status) {
		s.releaseStock(ctx, o)
	}
}

// releaseStock releases what the order has reserved, as far as possible; the event of the
// order's end releases the rest. Shipped pieces are not reserved any more.
func (s *Service) releaseStock(ctx context.Context, o *api.Order) {
	ctx, cancel := detached(ctx)
	defer cancel()
	for product := range pieces(o) {
		if _, err := s.free(ctx, &api.ByHold{ProductID: product, OrderID: o.ID}); err != nil {
			slog.WarnContext(ctx, "stock will be freed later", "order", o.ID, "product", product, "error", err)
		}
	}
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
