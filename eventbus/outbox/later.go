package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// moveDue makes up to maxBatch events wait that are due, and returns how long the next one is
// not, at most Config.Poll.
func (o *Outbox) moveDue(ctx context.Context) (untilNext time.Duration, err error) {
	var next sql.NullInt64
	_, err = o.tables.One(ctx, o.config.DB, `SELECT MIN(due) - {now} FROM {outbox}_later`, nil, &next)
	switch {
	case err != nil:
		return o.config.Poll, err
	case !next.Valid || next.Int64 > o.config.Poll.Milliseconds(): // which may be more than a Duration has room for
		return o.config.Poll, nil
	case next.Int64 > 0:
		return time.Duration(next.Int64) * time.Millisecond, nil
	}
	if err := o.moveSome(ctx); err != nil {
		return o.config.Poll, err
	}
	return 0, nil
}

// moveSome moves up to maxBatch events, within the database.
func (o *Outbox) moveSome(ctx context.Context) error {
	due, err := o.due(ctx)
	if err != nil || len(due) == 0 {
		return err
	}
	which, args := ranges(due)
	return o.tables.Within(ctx, func(tx *sql.Tx) error {
		moved, err := o.tables.Exec(ctx, tx, `INSERT INTO {outbox} (topic, event, at) SELECT topic, event, {now} FROM {outbox}_later WHERE `+which+` ORDER BY due, n`, args...)
		if err != nil {
			return err
		}
		deleted, err := o.tables.Exec(ctx, tx, `DELETE FROM {outbox}_later WHERE `+which, args...)
		if err == nil && (moved != int64(len(due)) || deleted != moved) {
			return fault.Aborted.Errorf("outbox %s: another process has sent events that are due", o.config.Table)
		}
		return err
	})
}

// due returns the numbers of up to maxBatch events that are due. The time is a query of its
// own, since PostgreSQL finds by an index only what is not computed for each row.
func (o *Outbox) due(ctx context.Context) (numbers []int64, err error) {
	err = o.tables.Each(ctx, o.config.DB, func(scan func(...any) error) (more bool, err error) {
		var n int64
		err = scan(&n)
		numbers = append(numbers, n)
		return true, err
	}, fmt.Sprintf(`SELECT n FROM {outbox}_later WHERE due <= (SELECT {now}) ORDER BY due, n LIMIT %d`, maxBatch))
	return numbers, err
}
