package main

import (
	"context"
	"database/sql"
	"fmt"

	"go.temporal.io/sdk/client"

	"github.com/sinew-go/sinew/examples/shop/order"
	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/temporal"
)

// runs returns where the sagas of orders run.
func (p *platform) runs(db *sql.DB) (order.Runs, error) {
	switch p.options.saga {
	case "", "embedded":
		return order.Embedded(db), nil
	case "temporal":
		c, err := client.NewLazyClient(client.Options{HostPort: p.temporal, Logger: p.log})
		if err != nil {
			return nil, fmt.Errorf("-temporal: %w", err)
		}
		p.closers = append(p.closers, func() error { c.Close(); return nil })
		return func(_ context.Context, d saga.Definition[order.Fulfilment]) (saga.Runner[order.Fulfilment], error) {
			return temporal.New(d, c), nil
		}, nil
	}
	return nil, fmt.Errorf("-saga: %q is neither embedded nor temporal", p.options.saga)
}
