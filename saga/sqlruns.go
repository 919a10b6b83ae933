package saga

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/sinew-go/sinew/internal/tables"
)

// never is when a run is due that waits for a message, or has ended.
const never = int64(1) << 62

// columns are those that scan reads.
const columns = `id, version, phase, data, started, moved`

// scan reads a record.
func scan(saga string, scan func(into ...any) error, more ...any) (Record, error) {
	r := Record{Saga: saga}
	var started, moved int64
	err := scan(append([]any{&r.ID, &r.Version, &r.Phase, &r.Data, &started, &moved}, more...)...)
	r.Started, r.Moved = time.UnixMilli(started), time.UnixMilli(moved)
	return r, err
}

// numbers returns numbers as a list of SQL.
func numbers(all []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(all), " ", ", "), "[]")
}

// Insert implements [Store].
func (s SQL) Insert(ctx context.Context, r Record, history []Entry) (existing *Record, err error) {
	insert := s.tables().IgnoringConflict(`INTO {saga}_runs (saga, id, version, phase, data, started, moved, due, claimed, token, sent, changes)
		VALUES (?, ?, ?, ?, ?, {now}, {now}, {now}, 0, 0, 0, 0)`, "saga, id")
	err = s.within(ctx, func(tx *sql.Tx) error {
		created, err := s.exec(ctx, tx, insert, r.Saga, r.ID, r.Version, string(r.Phase), r.Data)
		if err != nil {
			return err
		}
		if created == 0 {
			existing, err = s.get(ctx, tx, r.Saga, r.ID)
			return err
		}
		return s.append(ctx, tx, r.Saga, r.ID, history)
	})
	return existing, err
}

// append appends entries to the history, as one row.
func (s SQL) append(ctx context.Context, tx *sql.Tx, saga, id string, history []Entry) error {
	if len(history) == 0 {
		return nil
	}
	text, err := json.Marshal(history)
	if err != nil {
		return s.failure(err)
	}
	_, err = s.exec(ctx, tx, `INSERT INTO {saga}_history (saga, id, n, entries) SELECT saga, id, changes, ? FROM {saga}_runs WHERE saga = ? AND id = ?`, text, saga, id)
	return err
}

// maxLooks is how often Claim looks again when others were faster.
const maxLooks = 3

// Claim implements [Store].
func (s SQL) Claim(ctx context.Context, saga string, versions []int, lease time.Duration, limit int) ([]Claim, error) {
	for range maxLooks {
		due, err := s.due(ctx, saga, versions, limit)
		if err != nil || len(due) == 0 {
			return nil, err
		}
		var claims []Claim
		err = s.within(ctx, func(tx *sql.Tx) error {
			claims = nil
			for _, d := range due {
				n, err := s.exec(ctx, tx, `UPDATE {saga}_runs SET token = token + 1, changes = changes + 1, claimed = 1, due = {now} + ?
					WHERE saga = ? AND id = ? AND token = ? AND changes = ? AND due <= {now}`, lease.Milliseconds(), saga, d.ID, d.Token, d.changes)
				if err != nil {
					return err
				}
				if n > 0 {
					d.Token++
					claims = append(claims, d.Claim)
				}
			}
			return nil
		})
		if err != nil || len(claims) > 0 {
			return claims, err
		}
	}
	return nil, nil
}

// dueRun is a run that may be claimed if it does not change.
type dueRun struct {
	Claim
	changes int64
}

func (s SQL) due(ctx context.Context, saga string, versions []int, limit int) (found []dueRun, err error) {
	in, err := s.reading()
	if err != nil {
		return nil, err
	}
	// The time is a query of its own, since PostgreSQL finds by an index only what is not
	// computed for each row.
	err = s.each(ctx, in, func(next func(...any) error) error {
		var d dueRun
		var now int64
		d.Record, err = scan(saga, next, &d.Token, &d.Sent, &d.Interrupted, &d.changes, &now)
		d.Now = time.UnixMilli(now)
		found = append(found, d)
		return err
	}, fmt.Sprintf(`SELECT `+columns+`, token, sent, claimed, changes, {now} FROM {saga}_runs
		WHERE saga = ? AND version IN (%s) AND due <= (SELECT {now}) ORDER BY due, id LIMIT %d`, numbers(versions), limit), saga)
	return found, err
}

// Renew implements [Store].
func (s SQL) Renew(ctx context.Context, c Claim, lease time.Duration) error {
	return s.claimed(s.exec(ctx, s.DB, `UPDATE {saga}_runs SET due = {now} + ?, changes = changes + 1 WHERE saga = ? AND id = ? AND claimed = 1 AND token = ?`,
		lease.Milliseconds(), c.Saga, c.ID, c.Token))
}

// claimed returns ErrClaimLost if a statement has changed nothing.
func (s SQL) claimed(n int64, err error) error {
	if err == nil && n == 0 {
		return ErrClaimLost
	}
	return err
}

// Save implements [Store].
func (s SQL) Save(ctx context.Context, c Claim, u Update) error {
	set, args := `phase = ?, data = ?, moved = {now}, changes = changes + 1`, []any{string(u.Phase), u.Data}
	if u.Release {
		due := never
		if !u.Due.IsZero() {
			due = u.Due.UnixMilli()
		}
		set += `, claimed = 0, due = ?`
		if !isEnd(u.Phase) { // the row is locked: no message comes between
			set = strings.Replace(set, "due = ?", "due = CASE WHEN sent > ? THEN {now} ELSE ? END", 1)
			args = append(args, u.Read)
		}
		args = append(args, due)
	}
	return s.within(ctx, func(tx *sql.Tx) error {
		err := s.claimed(s.exec(ctx, tx, `UPDATE {saga}_runs SET `+set+` WHERE saga = ? AND id = ? AND claimed = 1 AND token = ?`, append(args, c.Saga, c.ID, c.Token)...))
		if err != nil {
			return err
		}
		if err := s.append(ctx, tx, c.Saga, c.ID, u.History); err != nil || !u.Release || u.Read == 0 {
			return err
		}
		_, err = s.exec(ctx, tx, `DELETE FROM {saga}_messages WHERE saga = ? AND id = ? AND n <= ?`, c.Saga, c.ID, u.Read)
		return err
	})
}

// Get implements [Store].
func (s SQL) Get(ctx context.Context, saga, id string) (*Record, error) {
	in, err := s.reading()
	if err != nil {
		return nil, err
	}
	return s.get(ctx, in, saga, id)
}

func (s SQL) get(ctx context.Context, in tables.Querier, saga, id string) (found *Record, err error) {
	err = s.each(ctx, in, func(next func(...any) error) error {
		r, err := scan(saga, next)
		found = &r
		return err
	}, `SELECT `+columns+` FROM {saga}_runs WHERE saga = ? AND id = ?`, saga, id)
	return found, err
}
