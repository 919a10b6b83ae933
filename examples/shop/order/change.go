package order

import (
	"context"
	"database/sql"
	"errors"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/fault"
)

// change lets decide publish what happens to an order. Its events are stored in one
// transaction with what other services hear of them. The order is shown to those who watch
// it, and returned as it is then. decide may run again, with an order that has changed.
func (s *Service) change(ctx context.Context, id string, decide func(ctx context.Context, r record, to eventbus.Publisher) error) (*record, error) {
	var after record
	err := database.Within(ctx, s.db, func(tx *sql.Tx) (err error) {
		var happened []string
		after, err = orders.Update(ctx, s.store.In(tx), id, func(ctx context.Context, r record, to eventbus.Publisher) error {
			if r.ID == "" {
				return missing(id)
			}
			return decide(ctx, r, noting{to, &happened})
		})
		for _, topic := range happened {
			if err == nil {
				err = announce(ctx, s.outbox.In(tx), topic, after.Order)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s.store.Wake()
	s.outbox.Wake()
	s.watchers.notify(&after.Order)
	return &after, nil
}

// noting is a publisher that notes the topics of what is published.
type noting struct {
	eventbus.Publisher
	topics *[]string
}

// Publish implements [eventbus.Publisher].
func (n noting) Publish(ctx context.Context, topic string, events ...eventbus.Event) error {
	*n.topics = append(*n.topics, topic)
	return n.Publisher.Publish(ctx, topic, events...)
}

// announce publishes what other services hear of an event of an order. Payment returns the
// money of an order that is over whenever it hears its status.
func announce(ctx context.Context, to eventbus.Publisher, event string, o api.Order) error {
	switch event {
	case placed.Name:
		created := api.OrderCreatedEvent{OrderID: o.ID, UserID: o.UserID, TotalAmount: o.TotalAmount, Items: o.Items, Timestamp: o.CreatedAt}
		return errors.Join(api.OrderCreated.Publish(ctx, to, created), api.OrderStatusChanged.Publish(ctx, to, o))
	case moved.Name, paidLate.Name:
		return api.OrderStatusChanged.Publish(ctx, to, o)
	}
	return nil
}

func missing(id string) error { return fault.NotFound.Errorf("no order has the id %q", id) }
