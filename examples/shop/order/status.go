package order

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/fault"
)

// to moves the order and, when that ends it, gives its stock back at once. The
// event does so again, should this be cut short.
func (s *Service) to(ctx context.Context, id string, status api.OrderStatus) (*api.Order, error) {
	r, err := orders.Change(ctx, s.db, id, func(tx *sql.Tx, r *record) error {
		if r.Status == status {
			return nil
		}
		return s.move(ctx, tx, r, status)
	})
	if err != nil {
		return nil, err
	}
	s.moved(ctx, &r.Order)
	return &r.Order, nil
}

// move brings the order to a status that may follow its own, and tells everybody.
// An order that is over has its money given back, where that was taken.
func (s *Service) move(ctx context.Context, tx *sql.Tx, r *record, status api.OrderStatus) error {
	switch {
	case !r.Status.May(status):
		return illegal("order %s is %s and cannot become %s", r.ID, r.Status, status)
	case !r.Placed && status != api.OrderCancelled:
		return illegal("order %s does not hold its stock yet and cannot become %s", r.ID, status)
	}
	r.Status, r.UpdatedAt = status, time.Now().UTC()
	if over(status) && r.Payment.Status == api.PaymentCompleted {
		r.Payment.Status = api.PaymentRefunded
	}
	return api.OrderStatusChanged.Publish(ctx, s.outbox.In(tx), r.Order)
}

// moved does what is due after a move.
func (s *Service) moved(ctx context.Context, o *api.Order) {
	s.outbox.Wake()
	if over(o.Status) {
		s.giveBack(ctx, o)
	}
}

// giveBack frees what the order holds, as far as it can: the event of the
// order's end does the rest. What was shipped is not held any more.
func (s *Service) giveBack(ctx context.Context, o *api.Order) {
	ctx, cancel := settling(ctx)
	defer cancel()
	for product := range pieces(o) {
		if _, err := s.free(ctx, &api.ByHold{ProductID: product, OrderID: o.ID}); err != nil {
			slog.WarnContext(ctx, "stock will be freed later", "order", o.ID, "product", product, "error", err)
		}
	}
}

// settling is a context for what must be brought to an end, though the buyer may
// have left.
func settling(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
}

// over says that the order will not reach its buyer, or went back.
func over(s api.OrderStatus) bool { return s == api.OrderCancelled || s == api.OrderRefunded }

func illegal(format string, args ...any) error {
	return fault.FailedPrecondition.Errorf(format, args...).WithReason("illegal_transition")
}
