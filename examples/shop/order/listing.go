package order

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/sinew-go/sinew/eventbus/eventstore"
)

// listing has a row for each order, by which it is found: the fold of its stream.
var listing = eventstore.Projection{
	Name: "order_listing",
	Create: []string{
		`CREATE TABLE IF NOT EXISTS {table} (stream VARCHAR(255) PRIMARY KEY, began BIGINT NOT NULL, user_id TEXT NOT NULL, request TEXT NOT NULL,
			created_at BIGINT NOT NULL, status TEXT NOT NULL, placed INTEGER NOT NULL, doc TEXT NOT NULL)`,
		`CREATE INDEX IF NOT EXISTS {table}_user ON {table} (user_id)`,
		`CREATE INDEX IF NOT EXISTS {table}_request ON {table} (request)`,
		`CREATE INDEX IF NOT EXISTS {table}_pending ON {table} (status, created_at)`,
	},
	Drop:  []string{`DROP TABLE IF EXISTS {table}`},
	Every: enlist,
}

// enlist brings the row of an order up to an event.
func enlist(ctx context.Context, in eventstore.Effect) error {
	var r record
	found, err := records(in.Query(ctx, `SELECT doc FROM {table} WHERE stream = ?`, in.Event.Stream))
	if err != nil {
		return err
	}
	if len(found) > 0 {
		r = *found[0]
	}
	if r, err = orders.Folds.Apply(r, in.Event.Event); err != nil {
		return err
	}
	doc, err := json.Marshal(r)
	if err != nil {
		return err
	}
	isPlaced := 0
	if r.Placed {
		isPlaced = 1
	}
	return in.Exec(ctx, `INSERT INTO {table} (stream, began, user_id, request, created_at, status, placed, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (stream) DO UPDATE SET status = excluded.status, placed = excluded.placed, doc = excluded.doc`,
		in.Event.Stream, in.Event.Position, r.UserID, r.Request, r.CreatedAt.UnixMilli(), string(r.Status), isPlaced, string(doc))
}

// find returns the orders whose rows match a condition, oldest first, with all that has
// happened by now.
func (s *Service) find(ctx context.Context, condition string, args ...any) ([]*record, error) {
	if err := s.listing.Wait(ctx); err != nil {
		return nil, err
	}
	return records(s.listing.Query(ctx, `SELECT doc FROM {table} WHERE `+condition+` ORDER BY began`, args...))
}

// records reads the rows of a query for documents.
func records(rows *sql.Rows, err error) (found []*record, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var doc []byte
		r := new(record)
		if err := errors.Join(rows.Scan(&doc), json.Unmarshal(doc, r)); err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, rows.Err()
}
