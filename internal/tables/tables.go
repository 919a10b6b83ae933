// Package tables executes statements on the tables of one part of sinew, which have a common
// prefix in a user's database.
package tables

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/dialect"
)

// Tables are the tables of one part.
type Tables struct {
	// DB is the database, and Dialect its SQL.
	DB      *sql.DB
	Dialect dialect.Dialect
	// Name is the prefix of the tables. Word stands for it in statements: "{outbox}".
	Name, Word string
	// Owner begins the text of errors: "outbox".
	Owner string
	// Wrap makes the error of the part of an error of the database. If nil, see Failure.
	Wrap func(error) error
}

// Execer executes a statement: a *sql.DB, or a *sql.Tx within its transaction.
type Execer interface {
	ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error)
}

// Querier also reads rows.
type Querier interface {
	Execer
	QueryContext(ctx context.Context, statement string, args ...any) (*sql.Rows, error)
}

// maxRendered is how many statements are stored as they were rendered: more than the parts
// have, since users may write statements of their own, and make new ones forever.
const maxRendered = 1000

// rendered are statements that Render has returned.
var (
	rendered      sync.Map // of strings, by template
	renderedCount atomic.Int64
)

// template is a statement before it is rendered.
type template struct {
	dialect          dialect.Dialect
	word, name, text string
}

// Render returns a statement for the database; see [dialect.Dialect.Render].
func (t *Tables) Render(statement string) string {
	key := template{t.Dialect, t.Word, t.Name, statement}
	if done, ok := rendered.Load(key); ok {
		return done.(string)
	}
	done := t.Dialect.Render(strings.ReplaceAll(statement, t.Word, t.Name))
	if renderedCount.Load() < maxRendered {
		rendered.Store(key, done)
		renderedCount.Add(1)
	}
	return done
}

// Failure returns an error of the database, which may be nil, as Wrap does, or with the name
// of the tables. It is then fault.Aborted if the database has rolled the transaction back
// because of another one.
func (t *Tables) Failure(err error) error {
	switch {
	case err == nil:
		return nil
	case t.Wrap != nil:
		return t.Wrap(err)
	case isConflict(err):
		return fault.Aborted.Errorf("%s %s: %w", t.Owner, t.Name, err)
	}
	return fmt.Errorf("%s %s: %w", t.Owner, t.Name, err)
}

// isConflict reports whether the error has the state of a deadlock, or of transactions that
// cannot be in any order.
func isConflict(err error) bool {
	var withState interface{ SQLState() string } // an error of PostgreSQL
	if errors.As(err, &withState) {
		return withState.SQLState() == "40001" || withState.SQLState() == "40P01"
	}
	return strings.Contains(err.Error(), "(40001)") // MySQL
}

// Exec returns the number of rows that a statement has changed.
func (t *Tables) Exec(ctx context.Context, in Execer, statement string, args ...any) (int64, error) {
	result, err := in.ExecContext(ctx, t.Render(statement), args...)
	if err != nil {
		return 0, t.Failure(err)
	}
	n, err := result.RowsAffected()
	return n, t.Failure(err)
}

// One reads the first row of a query, and reports whether there is one.
func (t *Tables) One(ctx context.Context, in Querier, statement string, args []any, into ...any) (found bool, err error) {
	err = t.Each(ctx, in, func(scan func(...any) error) (more bool, err error) {
		found = true
		return false, scan(into...)
	}, statement, args...)
	return found, err
}

// Each calls read for each row of a query, until it returns false or an error.
func (t *Tables) Each(ctx context.Context, in Querier, read func(scan func(into ...any) error) (more bool, err error), statement string, args ...any) error {
	rows, err := in.QueryContext(ctx, t.Render(statement), args...)
	if err != nil {
		return t.Failure(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if more, err := read(rows.Scan); err != nil || !more {
			return t.Failure(err)
		}
	}
	return t.Failure(rows.Err())
}

// Within runs f in a transaction, which it commits if f returns nil.
func (t *Tables) Within(ctx context.Context, f func(tx *sql.Tx) error) error {
	return t.WithinAt(ctx, sql.LevelDefault, f)
}

// WithinAt is Within at an isolation level. SQLite has one level only, whatever is asked for.
func (t *Tables) WithinAt(ctx context.Context, level sql.IsolationLevel, f func(tx *sql.Tx) error) error {
	if t.Dialect == dialect.SQLite {
		level = sql.LevelDefault
	}
	tx, err := t.DB.BeginTx(ctx, &sql.TxOptions{Isolation: level})
	if err != nil {
		return t.Failure(err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if err := f(tx); err != nil {
		return err
	}
	return t.Failure(tx.Commit())
}

// IgnoringConflict returns an insert that does nothing if the row's key exists.
func (t *Tables) IgnoringConflict(insert, key string) string {
	if t.Dialect == dialect.MySQL {
		return `INSERT IGNORE ` + insert
	}
	return `INSERT ` + insert + ` ON CONFLICT (` + key + `) DO NOTHING`
}
