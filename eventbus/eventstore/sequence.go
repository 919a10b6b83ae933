package eventstore

import (
	"context"
	"database/sql"

	"github.com/sinew-go/sinew/internal/dialect"
	"github.com/sinew-go/sinew/internal/tables"
)

// maxSequence is how many events get their positions in one transaction.
const maxSequence = 1000

// Position returns the position of the last event. What is appended by the time of the call
// has a position when it returns.
func (s *Store) Position(ctx context.Context) (position int64, err error) {
	if err := s.sequence(ctx); err != nil {
		return 0, err
	}
	_, err = s.tables.One(ctx, s.querier(), `SELECT position FROM {events}_head WHERE n = 1`, nil, &position)
	return position, err
}

// sequence gives a position to each event that has none, unless s is in a transaction.
//
// A transaction that began early may commit late, so numbers that are given when an event
// is written become visible out of order. Positions are given to what is committed, under a
// lock that lasts until they are. So who sees a position sees all lower ones, and an append
// waits for no other one.
func (s *Store) sequence(ctx context.Context) error {
	if s.tx != nil || s.tables.Dialect == dialect.SQLite { // where Append gives positions
		return nil
	}
	select {
	case s.sequencing <- struct{}{}:
		defer func() { <-s.sequencing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for more := true; more; {
		found, err := s.tables.One(ctx, s.config.DB, `SELECT n FROM {events} WHERE position = 0 LIMIT 1`, nil, new(int64))
		if err != nil || !found {
			return err
		}
		err = s.tables.WithinAt(ctx, sql.LevelReadCommitted, func(tx *sql.Tx) (err error) {
			more, err = s.sequenceIn(ctx, tx)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sequenceIn gives positions in the order of writing. It reports whether there may be more
// to do.
func (s *Store) sequenceIn(ctx context.Context, tx tables.Querier) (more bool, err error) {
	if _, err := s.tables.Exec(ctx, tx, `UPDATE {events}_head SET position = position + 0 WHERE n = 1`); err != nil { // the lock
		return false, err
	}
	var head int64
	if _, err := s.tables.One(ctx, tx, `SELECT position FROM {events}_head WHERE n = 1`, nil, &head); err != nil {
		return false, err
	}
	numbers, err := s.unsequenced(ctx, tx)
	if err != nil || len(numbers) == 0 {
		return false, err
	}
	for first := 0; first < len(numbers); {
		next := first + 1
		for next < len(numbers) && numbers[next] == numbers[next-1]+1 {
			next++
		}
		_, err := s.tables.Exec(ctx, tx, `UPDATE {events} SET position = n + ? WHERE n BETWEEN ? AND ?`, head+1-numbers[first], numbers[first], numbers[next-1])
		if err != nil {
			return false, err
		}
		head += int64(next - first)
		first = next
	}
	_, err = s.tables.Exec(ctx, tx, `UPDATE {events}_head SET position = ? WHERE n = 1`, head)
	return len(numbers) == maxSequence, err
}

// unsequenced returns the numbers of events without a position, in order.
func (s *Store) unsequenced(ctx context.Context, tx tables.Querier) (numbers []int64, err error) {
	err = s.tables.Each(ctx, tx, func(scan func(...any) error) (more bool, err error) {
		var n int64
		err = scan(&n)
		numbers = append(numbers, n)
		return true, err
	}, `SELECT n FROM {events} WHERE position = 0 ORDER BY n LIMIT ?`, maxSequence)
	return numbers, err
}
