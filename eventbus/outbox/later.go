package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// moveDue makes the events wait that are due, and returns how long the next one is not,
// at most Config.Poll.
func (o *Outbox) moveDue(ctx context.Context) (untilNext time.Duration, err error) {
	for {
		moved, err := o.moveSome(ctx)
		if err != nil {
			return o.config.Poll, err
		}
		if moved < maxInsert {
			break
		}
	}
	var next sql.NullInt64
	err = o.config.DB.QueryRowContext(ctx, o.render(`SELECT MIN(due) - {now} FROM {outbox}_later`)).Scan(&next)
	if err != nil {
		return o.config.Poll, fmt.Errorf("outbox %s: %w", o.config.Table, err)
	}
	if !next.Valid {
		return o.config.Poll, nil
	}
	return max(0, min(o.config.Poll, time.Duration(next.Int64)*time.Millisecond)), nil
}

// moveSome moves up to maxInsert events, and returns how many.
func (o *Outbox) moveSome(ctx context.Context) (moved int, err error) {
	err = o.within(ctx, func(tx *sql.Tx) error {
		due, err := o.rows(ctx, tx, fmt.Sprintf(`SELECT n, topic, event FROM {outbox}_later WHERE due <= {now} ORDER BY due, n LIMIT %d`, maxInsert))
		if err != nil || len(due) == 0 {
			return err
		}
		moved = len(due)
		if err := o.insert(ctx, tx, due); err != nil {
			return err
		}
		var numbers []int64
		for _, r := range due {
			numbers = append(numbers, r.n)
		}
		which, args := ranges(numbers)
		deleted, err := o.exec(ctx, tx, `DELETE FROM {outbox}_later WHERE `+which, args...)
		if err == nil && deleted != int64(moved) {
			return fault.Aborted.Errorf("outbox %s: another process has sent events that are due", o.config.Table)
		}
		return err
	})
	return moved, err
}
