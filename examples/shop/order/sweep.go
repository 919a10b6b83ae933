package order

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew/examples/shop/api"
)

// How long an order may be pending: while it is being placed (longer than a living
// process needs), and until it is paid.
const (
	placedWithin = time.Minute
	paidWithin   = 30 * time.Minute
)

// sweep runs now and every minute. It cancels orders whose process died before they were
// placed, and orders that nobody has paid, because those would reserve their stock
// forever. A later payment is refunded.
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
		AND json_extract(doc, '$.created_at') < CASE CAST(json_extract(doc, '$.placed') AS INTEGER) WHEN 1 THEN ? ELSE ? END`, before(paidWithin), before(placedWithin))
	for _, r := range over {
		_, moved := s.setStatus(ctx, r.ID, api.OrderCancelled)
		err = errors.Join(err, moved)
	}
	return err
}
