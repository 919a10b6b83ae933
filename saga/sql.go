package saga

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/dialect"
)

// SQL is a [Store] in a database that any number of processes share, over any database/sql
// driver: SQLite, PostgreSQL, MySQL and databases that are compatible with one of them.
type SQL struct {
	// DB is the database.
	DB *sql.DB
	// Table is the prefix of the tables, "saga" when empty. It is put into statements without
	// quoting.
	Table string
	// DollarPlaceholders is for PostgreSQL: placeholders are $1, $2 instead of ?. It need
	// not be set if DB's driver is pgx or lib/pq.
	DollarPlaceholders bool
	// MySQL is for MySQL. It need not be set if the package of DB's driver is called
	// mysql. If neither is set, nor follows from the driver, the SQL is SQLite's.
	MySQL bool

	tx *sql.Tx
}

var _ Store = SQL{}

// In returns the store inside a transaction, for [Local.Using]: a run that starts there
// exists if tx commits. Only Start uses the transaction.
func (s SQL) In(tx *sql.Tx) SQL {
	s.tx = tx
	return s
}

// tables are the tables. due is when a run is due, or while it is claimed when the lease
// expires; changes counts the changes of a row, and numbers those of the history. The
// indexes are constraints, since PostgreSQL creates no index, not even one that exists,
// while a transaction that has written is open.
var tables = []struct{ suffix, columns string }{
	{"_runs", `saga VARCHAR(128) NOT NULL, id {id} NOT NULL, version BIGINT NOT NULL, phase VARCHAR(10) NOT NULL, data {bytes} NOT NULL,
		started BIGINT NOT NULL, moved BIGINT NOT NULL, due BIGINT NOT NULL, claimed BIGINT NOT NULL, token BIGINT NOT NULL,
		sent BIGINT NOT NULL, changes BIGINT NOT NULL, PRIMARY KEY (saga, id), UNIQUE (saga, due, id), UNIQUE (saga, phase, id)`},
	{"_history", `saga VARCHAR(128) NOT NULL, id {id} NOT NULL, n BIGINT NOT NULL, entries {bytes} NOT NULL, PRIMARY KEY (saga, id, n)`},
	{"_messages", `saga VARCHAR(128) NOT NULL, id {id} NOT NULL, n BIGINT NOT NULL, data {bytes} NOT NULL, PRIMARY KEY (saga, id, n)`},
}

// createLock is the number of PostgreSQL's lock for the creation of tables, which fails if
// two create the same one at once.
const createLock = 0x73696e6577

// Create creates the tables that do not exist. Several instances may call it at once:
//
//	saga_runs      the runs
//	saga_history   what has happened to them
//	saga_messages  events, and what operators want, until the worker has read it
func (s SQL) Create(ctx context.Context) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		options := ""
		switch s.dialect() {
		case dialect.PostgreSQL:
			if _, err := s.exec(ctx, tx, fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d)`, createLock)); err != nil {
				return err
			}
		case dialect.MySQL: // whose default may have few characters, and ignores upper and lower case
			options = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
		case dialect.SQLite:
		}
		for _, t := range tables {
			if _, err := s.exec(ctx, tx, `CREATE TABLE IF NOT EXISTS {saga}`+t.suffix+` (`+t.columns+`)`+options); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s SQL) table() string { return cmp.Or(s.Table, "saga") }

func (s SQL) dialect() dialect.Dialect { return dialect.Of(s.DB, s.DollarPlaceholders, s.MySQL) }

// rendered are the statements that render has returned. There are few of each store.
var rendered sync.Map

// statement is a statement for a database.
type statement struct {
	dialect     dialect.Dialect
	table, text string
}

// render returns a statement for the database. {saga} is the prefix of the tables, and {id}
// the type of an ID, of which MySQL ignores blanks at the end unless it is binary.
func (s SQL) render(text string) string {
	key := statement{s.dialect(), s.table(), text}
	if done, ok := rendered.Load(key); ok {
		return done.(string)
	}
	id := "VARCHAR(200)"
	if key.dialect == dialect.MySQL {
		id = "VARBINARY(200)"
	}
	done := key.dialect.Render(strings.NewReplacer("{saga}", key.table, "{id}", id).Replace(text))
	rendered.Store(key, done)
	return done
}

// failure returns an error of the database, which may be nil, with the name of the tables.
func (s SQL) failure(err error) error {
	if err == nil {
		return nil
	}
	code := fault.CodeOf(err)
	if code == fault.Unknown {
		code = fault.Unavailable
	}
	return code.Errorf("the tables %s_… cannot be used: %w", s.table(), err)
}

// execer is a *sql.DB or a *sql.Tx.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// exec returns the number of rows that a statement has changed.
func (s SQL) exec(ctx context.Context, in execer, statement string, args ...any) (int64, error) {
	result, err := in.ExecContext(ctx, s.render(statement), args...)
	if err != nil {
		return 0, s.failure(err)
	}
	n, err := result.RowsAffected()
	return n, s.failure(err)
}

// each calls read for each row of a query.
func (s SQL) each(ctx context.Context, in execer, read func(scan func(into ...any) error) error, statement string, args ...any) error {
	rows, err := in.QueryContext(ctx, s.render(statement), args...)
	if err != nil {
		return s.failure(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := read(rows.Scan); err != nil {
			return s.failure(err)
		}
	}
	return s.failure(rows.Err())
}

// within runs f in a transaction.
func (s SQL) within(ctx context.Context, f func(tx *sql.Tx) error) error {
	if s.tx != nil {
		return f(s.tx)
	}
	if s.DB == nil {
		return fault.FailedPrecondition.Errorf("saga.SQL: DB is nil; give the store a database")
	}
	tx, err := s.DB.BeginTx(ctx, nil)
	if err != nil {
		return s.failure(err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if err := f(tx); err != nil {
		return err
	}
	return s.failure(tx.Commit())
}

// reading returns what queries run in.
func (s SQL) reading() (execer, error) {
	switch {
	case s.tx != nil:
		return s.tx, nil
	case s.DB == nil:
		return nil, fault.FailedPrecondition.Errorf("saga.SQL: DB is nil; give the store a database")
	}
	return s.DB, nil
}
