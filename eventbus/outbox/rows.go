package outbox

import (
	"context"
	"fmt"
)

// row is an event in a table.
type row struct {
	n     int64
	topic string
	event []byte
}

// maxBytes is how many bytes of events are in memory at once, and in one statement. One
// event may be larger.
const maxBytes = 8 << 20

// rows returns the rows of a query of n, topic and event, up to maxBytes. isCut says that
// there are more.
func (o *Outbox) rows(ctx context.Context, statement string, args ...any) (found []row, isCut bool, err error) {
	rows, err := o.config.DB.QueryContext(ctx, o.render(statement), args...)
	if err != nil {
		return nil, false, fmt.Errorf("outbox %s: %w", o.config.Table, err)
	}
	defer func() { _ = rows.Close() }()
	for size := 0; rows.Next(); {
		var r row
		if err := rows.Scan(&r.n, &r.topic, &r.event); err != nil {
			return nil, false, fmt.Errorf("outbox %s: %w", o.config.Table, err)
		}
		found = append(found, r)
		if size += len(r.event); size >= maxBytes {
			return found, true, nil
		}
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("outbox %s: %w", o.config.Table, err)
	}
	return found, false, nil
}
