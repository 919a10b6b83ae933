package postgres_test

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/eventbus/outbox/postgres"
)

func Example() {
	placed := eventbus.Topic[string]{Name: "order.placed"}
	_ = func(ctx context.Context, conn *pgx.Conn, box *outbox.Outbox) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `INSERT INTO orders VALUES ($1)`, "o-7"); err != nil {
				return err
			}
			return placed.Publish(ctx, box.In(postgres.Tx(tx)), "o-7")
		})
	}
	// Output:
}
