package database

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sinew-go/sinew/fault"
)

// Table stores entities of one kind as JSON documents by ID. Its methods accept a *sql.DB
// or a *sql.Tx.
type Table[T any] struct {
	// Kind is the name of the entity and of the table: "order".
	Kind string
}

// Querier is a *sql.DB or a *sql.Tx.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Schema returns the statement that creates the table.
func (t Table[T]) Schema() string {
	return fmt.Sprintf(`CREATE TABLE IF NOT EXISTS "%s" (id TEXT PRIMARY KEY, doc TEXT NOT NULL{rowid})`, t.Kind)
}

// Index returns the statement that creates an index over an expression on doc; unique is
// "UNIQUE" or "".
func (t Table[T]) Index(name, unique, expression string) string {
	return fmt.Sprintf(`CREATE %s INDEX IF NOT EXISTS "%s_%s" ON "%s" (%s)`, unique, t.Kind, name, t.Kind, expression)
}

// Get returns the entity with this ID, or fault.NotFound.
func (t Table[T]) Get(ctx context.Context, q Querier, id string) (*T, error) {
	found, err := t.Where(ctx, q, `id = ?`, id)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, t.missing(id)
	}
	return found[0], nil
}

// Where returns the entities that match a condition on id and doc, oldest first.
func (t Table[T]) Where(ctx context.Context, q Querier, condition string, args ...any) ([]*T, error) {
	rows, err := q.QueryContext(ctx, fmt.Sprintf(`SELECT doc FROM "%s" WHERE %s ORDER BY rowid`, t.Kind, condition), args...)
	if err != nil {
		return nil, t.failed(err)
	}
	defer func() { _ = rows.Close() }()
	var found []*T
	for rows.Next() {
		var doc []byte
		if err := rows.Scan(&doc); err != nil {
			return nil, t.failed(err)
		}
		entity := new(T)
		if err := json.Unmarshal(doc, entity); err != nil {
			return nil, t.failed(err)
		}
		found = append(found, entity)
	}
	if err := rows.Err(); err != nil {
		return nil, t.failed(err)
	}
	return found, nil
}

// Insert adds an entity. It returns ErrTaken if a unique index refuses it.
func (t Table[T]) Insert(ctx context.Context, q Querier, id string, entity *T) error {
	return t.write(ctx, q, `INSERT INTO "%s" (doc, id) VALUES (?, ?)`, id, entity)
}

// Update replaces an entity. It returns ErrTaken if a unique index refuses it.
func (t Table[T]) Update(ctx context.Context, q Querier, id string, entity *T) error {
	return t.write(ctx, q, `UPDATE "%s" SET doc = ? WHERE id = ?`, id, entity)
}

// Delete removes the entity, or returns fault.NotFound.
func (t Table[T]) Delete(ctx context.Context, q Querier, id string) error {
	done, err := q.ExecContext(ctx, fmt.Sprintf(`DELETE FROM "%s" WHERE id = ?`, t.Kind), id)
	if err != nil {
		return t.failed(err)
	}
	if n, _ := done.RowsAffected(); n == 0 {
		return t.missing(id)
	}
	return nil
}

// Change reads an entity, lets f modify it, and writes it back, all in one transaction.
// After an error of f the entity is unchanged.
func (t Table[T]) Change(ctx context.Context, db *sql.DB, id string, f func(tx *sql.Tx, entity *T) error) (*T, error) {
	var changed *T
	err := Within(ctx, db, func(tx *sql.Tx) error {
		entity, err := t.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := f(tx, entity); err != nil {
			return err
		}
		changed = entity
		return t.Update(ctx, tx, id, entity)
	})
	return changed, err
}

// ErrTaken is the cause if a unique index refused a write.
var ErrTaken = errors.New("taken")

func (t Table[T]) write(ctx context.Context, q Querier, statement, id string, entity *T) error {
	doc, err := json.Marshal(entity)
	if err != nil {
		return t.failed(err)
	}
	_, err = q.ExecContext(ctx, fmt.Sprintf(statement, t.Kind), doc, id)
	if IsTaken(err) {
		return ErrTaken
	}
	return t.failed(err)
}

func (t Table[T]) missing(id string) error {
	return fault.NotFound.Errorf("no %s has the id %q", t.Kind, id)
}

func (t Table[T]) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("table %s: %w", t.Kind, err)
}
