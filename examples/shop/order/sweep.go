package order

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew/examples/shop/api"
)

// How long an order may be pending: while it is being placed, which is longer than
// a process takes that lives, and until it is paid.
const (
	placedWithin = time.Minute
	paidWithin   = 30 * time.Minute
)

// sweep cancels, now and every minute, the orders whose process died before they
// were placed, and those that nobody has paid: they would hold their stock for
// ever. The money of a payment that comes later goes back.
func (s *Service) sweep(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		if err := s.expire(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "orders that are over still hold stock", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Service) expire(ctx context.Context) error {
	before := func(age time.Duration) string { return time.Now().UTC().Add(-age).Format(time.RFC3339Nano) }
	over, err := orders.Where(ctx, s.db, `json_extract(doc, '$.status') = 'pending'
		AND json_extract(doc, '$.created_at') < iif(json_extract(doc, '$.placed'), ?, ?)`, before(paidWithin), before(placedWithin))
	for _, r := range over {
		_, moved := s.to(ctx, r.ID, api.OrderCancelled)
		err = errors.Join(err, moved)
	}
	return err
}
