package saga

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/dialect"
	"github.com/sinew-go/sinew/internal/tables"
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

// schema are the tables, where {id} is the type of an ID. due is when a run is due, or while
// it is claimed when the lease expires; changes counts the changes of a row, and numbers
// those of the history.
var schema = []tables.Table{
	{Suffix: "_runs", Columns: `saga VARCHAR(128) NOT NULL, id {id} NOT NULL, version BIGINT NOT NULL, phase VARCHAR(10) NOT NULL, data {bytes} NOT NULL,
		started BIGINT NOT NULL, moved BIGINT NOT NULL, due BIGINT NOT NULL, claimed BIGINT NOT NULL, token BIGINT NOT NULL,
		sent BIGINT NOT NULL, changes BIGINT NOT NULL, PRIMARY KEY (saga, id), UNIQUE (saga, due, id), UNIQUE (saga, phase, id)`},
	{Suffix: "_history", Columns: `saga VARCHAR(128) NOT NULL, id {id} NOT NULL, n BIGINT NOT NULL, entries {bytes} NOT NULL, PRIMARY KEY (saga, id, n)`},
	{Suffix: "_messages", Columns: `saga VARCHAR(128) NOT NULL, id {id} NOT NULL, n BIGINT NOT NULL, data {bytes} NOT NULL, PRIMARY KEY (saga, id, n)`},
}

// Create creates the tables that do not exist. Several instances may call it at once:
//
//	saga_runs      the runs
//	saga_history   what has happened to them
//	saga_messages  events, and what operators want, until the worker has read it
func (s SQL) Create(ctx context.Context) error {
	id := "VARCHAR(200)"
	if s.dialect() == dialect.MySQL { // which ignores blanks at the end of what is not binary
		id = "VARBINARY(200)"
	}
	all := slices.Clone(schema)
	for i := range all {
		all[i].Columns = strings.ReplaceAll(all[i].Columns, "{id}", id)
	}
	return s.within(ctx, func(tx *sql.Tx) error { return s.tables().CreateIn(ctx, tx, all) })
}

func (s SQL) dialect() dialect.Dialect { return dialect.Of(s.DB, s.DollarPlaceholders, s.MySQL) }

func (s SQL) tables() *tables.Tables {
	return &tables.Tables{DB: s.DB, Dialect: s.dialect(), Name: cmp.Or(s.Table, "saga"), Word: "{saga}", Wrap: s.failure}
}

// failure returns an error of the database with the name of the tables.
func (s SQL) failure(err error) error {
	code := fault.CodeOf(err)
	if code == fault.Unknown {
		code = fault.Unavailable
	}
	return code.Errorf("the tables %s_… cannot be used: %w", cmp.Or(s.Table, "saga"), err)
}

// exec returns the number of rows that a statement has changed.
func (s SQL) exec(ctx context.Context, in tables.Execer, statement string, args ...any) (int64, error) {
	return s.tables().Exec(ctx, in, statement, args...)
}

// each calls read for each row of a query.
func (s SQL) each(ctx context.Context, in tables.Querier, read func(scan func(into ...any) error) error, statement string, args ...any) error {
	return s.tables().Each(ctx, in, func(scan func(...any) error) (more bool, err error) { return true, read(scan) }, statement, args...)
}

// within runs f in a transaction.
func (s SQL) within(ctx context.Context, f func(tx *sql.Tx) error) error {
	switch {
	case s.tx != nil:
		return f(s.tx)
	case s.DB == nil:
		return errNoDB
	}
	return s.tables().Within(ctx, f)
}

// reading returns what queries run in.
func (s SQL) reading() (tables.Querier, error) {
	switch {
	case s.tx != nil:
		return s.tx, nil
	case s.DB == nil:
		return nil, errNoDB
	}
	return s.DB, nil
}

var errNoDB = fault.FailedPrecondition.Errorf("saga.SQL: DB is nil; give the store a database")
