package order

import (
	"context"
	"database/sql"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
)

// Sold adds up, from the events of all orders in db, the money that was paid and not
// returned, and the pieces of each product that were shipped.
func Sold(ctx context.Context, db *sql.DB) (money api.Money, shipped map[string]int, err error) {
	store, err := database.NewStore(db)
	if err != nil {
		return 0, nil, err
	}
	all := map[string]record{}
	for e, err := range store.All(ctx, 0) {
		if err == nil {
			all[e.Stream], err = orders.Folds.Apply(all[e.Stream], e.Event)
		}
		if err != nil {
			return 0, nil, err
		}
	}
	shipped = map[string]int{}
	for _, r := range all {
		if r.Payment.Status == api.PaymentCompleted {
			money += r.Payment.Amount
		}
		if r.ShippedAt == nil {
			continue
		}
		for product, n := range pieces(&r.Order) {
			shipped[product] += n
		}
	}
	return money, shipped, nil
}
