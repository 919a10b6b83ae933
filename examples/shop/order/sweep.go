package order

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew/examples/shop/api"
)

// placedWithin is how long an order may be without its stock: longer than a living process
// needs.
const placedWithin = time.Minute

// sweep runs now and every minute. It cancels orders whose process died before their saga
// began, of which nobody has heard.
func (s *Service) sweep(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		if err := s.expire(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "orders that never began are not cancelled", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Service) expire(ctx context.Context) error {
	over, err := s.find(ctx, `status = 'pending' AND placed = 0 AND created_at < ?`, time.Now().Add(-placedWithin).UnixMilli())
	for _, r := range over {
		_, moved := s.setStatus(ctx, r.ID, api.OrderCancelled)
		err = errors.Join(err, moved)
	}
	return err
}
