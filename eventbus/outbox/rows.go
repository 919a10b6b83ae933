package outbox

import (
	"context"
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
	size := 0
	err = o.tables.Each(ctx, o.config.DB, func(scan func(...any) error) (more bool, err error) {
		var r row
		if err := scan(&r.n, &r.topic, &r.event); err != nil {
			return false, err
		}
		found = append(found, r)
		size += len(r.event)
		isCut = size >= maxBytes
		return !isCut, nil
	}, statement, args...)
	if err != nil {
		return nil, false, err
	}
	return found, isCut, nil
}
