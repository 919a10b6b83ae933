package saga

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// Send implements [Store]. Its first statement locks the run, so that the numbers of its
// messages have no gap, and none comes between the reading and the release of a worker.
func (s SQL) Send(ctx context.Context, saga, id string, message []byte) (exists bool, err error) {
	err = s.within(ctx, func(tx *sql.Tx) error {
		n, err := s.exec(ctx, tx, `UPDATE {saga}_runs SET due = CASE WHEN claimed = 1 OR phase IN ('done', 'undone') THEN due ELSE {now} END,
			sent = sent + 1, changes = changes + 1 WHERE saga = ? AND id = ?`, saga, id)
		if exists = n > 0; err != nil || !exists {
			return err
		}
		_, err = s.exec(ctx, tx, `INSERT INTO {saga}_messages (saga, id, n, data) SELECT saga, id, sent, ? FROM {saga}_runs WHERE saga = ? AND id = ?`, message, saga, id)
		return err
	})
	return exists && err == nil, err
}

// Messages implements [Store].
func (s SQL) Messages(ctx context.Context, saga, id string, after int64) (found []Message, err error) {
	in, err := s.reading()
	if err != nil {
		return nil, err
	}
	err = s.each(ctx, in, func(next func(...any) error) error {
		var m Message
		err := next(&m.N, &m.Data)
		found = append(found, m)
		return err
	}, `SELECT n, data FROM {saga}_messages WHERE saga = ? AND id = ? AND n > ? ORDER BY n`, saga, id, after)
	return found, err
}

// History implements [Store].
func (s SQL) History(ctx context.Context, saga, id string) (history []Entry, err error) {
	in, err := s.reading()
	if err != nil {
		return nil, err
	}
	var started int64
	err = s.each(ctx, in, func(next func(...any) error) error {
		var text []byte
		var some []Entry
		if err := next(&text, &started); err != nil {
			return err
		}
		err := json.Unmarshal(text, &some)
		history = append(history, some...)
		return err
	}, `SELECT h.entries, r.started FROM {saga}_history h JOIN {saga}_runs r ON r.saga = h.saga AND r.id = h.id WHERE h.saga = ? AND h.id = ? ORDER BY h.n`, saga, id)
	for i, e := range history {
		if e.Time.IsZero() { // written when the run was created, at the time of the database
			history[i].Time = time.UnixMilli(started)
		}
	}
	return history, err
}

// Stuck implements [Store].
func (s SQL) Stuck(ctx context.Context, saga string, versions []int, age time.Duration, limit int) (found []Record, err error) {
	in, err := s.reading()
	if err != nil {
		return nil, err
	}
	err = s.each(ctx, in, func(next func(...any) error) error {
		r, err := scan(saga, next)
		found = append(found, r)
		return err
	}, fmt.Sprintf(`SELECT `+columns+` FROM {saga}_runs WHERE saga = ? AND phase IN ('running', 'undoing', 'parked') AND (phase = 'parked' OR version NOT IN (%s)
		OR moved <= {now} - ? AND NOT (claimed = 0 AND due > {now} AND due < ?)) ORDER BY moved, id LIMIT %d`, numbers(versions), limit), saga, age.Milliseconds(), never)
	return found, err
}

// Count implements [Store].
func (s SQL) Count(ctx context.Context, saga string) (Counts, error) {
	in, err := s.reading()
	if err != nil {
		return Counts{}, err
	}
	c := Counts{Runs: map[Phase]int64{}}
	err = s.each(ctx, in, func(next func(...any) error) error {
		var phase Phase
		var n, oldest, overdue int64
		err := next(&phase, &n, &oldest, &overdue)
		if c.Runs[phase] = n; !isEnd(phase) {
			c.Oldest = max(c.Oldest, time.Duration(oldest)*time.Millisecond)
			c.Overdue = max(c.Overdue, time.Duration(overdue)*time.Millisecond)
		}
		return err
	}, `SELECT phase, COUNT(*), {now} - MIN(moved), {now} - MIN(due) FROM {saga}_runs WHERE saga = ? GROUP BY phase`, saga)
	return c, err
}

// Forget deletes the runs of a saga that have ended, and have not moved for age, with their
// histories. Their IDs may be used again.
func (s SQL) Forget(ctx context.Context, saga string, age time.Duration) error {
	const ended = `saga = ? AND phase IN ('done', 'undone') AND moved <= {now} - ?`
	return s.within(ctx, func(tx *sql.Tx) error {
		for _, table := range []string{"{saga}_history", "{saga}_messages"} {
			if _, err := s.exec(ctx, tx, `DELETE FROM `+table+` WHERE saga = ? AND id IN (SELECT id FROM {saga}_runs WHERE `+ended+`)`, saga, saga, age.Milliseconds()); err != nil {
				return err
			}
		}
		_, err := s.exec(ctx, tx, `DELETE FROM {saga}_runs WHERE `+ended, saga, age.Milliseconds())
		return err
	})
}
