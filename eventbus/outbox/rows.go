package outbox

import (
	"context"
	"database/sql"
	"fmt"
)

// row is an event in a table.
type row struct {
	n     int64
	topic string
	event []byte
}

// querier is a *sql.DB or a *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, statement string, args ...any) (*sql.Rows, error)
}

// rows returns the rows of a query of n, topic and event.
func (o *Outbox) rows(ctx context.Context, in querier, statement string, args ...any) (found []row, err error) {
	rows, err := in.QueryContext(ctx, o.render(statement), args...)
	if err != nil {
		return nil, fmt.Errorf("outbox %s: %w", o.config.Table, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.n, &r.topic, &r.event); err != nil {
			return nil, fmt.Errorf("outbox %s: %w", o.config.Table, err)
		}
		found = append(found, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("outbox %s: %w", o.config.Table, err)
	}
	return found, nil
}
