package tables

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/sinew-go/sinew/internal/dialect"
)

// Table is the suffix of a table's name, and its columns as in CREATE TABLE. Indexes are
// constraints, since PostgreSQL creates no index, not even one that exists, while a
// transaction that has written is open.
type Table struct{ Suffix, Columns string }

// createLock is the number of PostgreSQL's lock for the creation of tables, which fails if
// two create the same one at once.
const createLock = 0x73696e6577

// Create creates the tables that do not exist. Several instances may call it at once.
func (t *Tables) Create(ctx context.Context, all []Table) error {
	return t.Creating(ctx, func(in Querier) error { return t.create(ctx, in, all) })
}

// CreateIn is Create within a transaction.
func (t *Tables) CreateIn(ctx context.Context, tx *sql.Tx, all []Table) error {
	if err := t.lock(ctx, tx); err != nil {
		return err
	}
	return t.create(ctx, tx, all)
}

func (t *Tables) create(ctx context.Context, in Querier, all []Table) error {
	options := ""
	if t.Dialect == dialect.MySQL { // whose default may have few characters, and ignores upper and lower case
		options = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
	}
	for _, table := range all {
		statement := `CREATE TABLE IF NOT EXISTS ` + t.Word + table.Suffix + ` (` + table.Columns + `)` + options
		if _, err := t.Exec(ctx, in, statement); err != nil {
			return err
		}
	}
	return nil
}

// Creating runs f while no other instance creates tables, as far as the database needs that.
func (t *Tables) Creating(ctx context.Context, f func(in Querier) error) error {
	if t.Dialect != dialect.PostgreSQL {
		return f(t.DB)
	}
	return t.Within(ctx, func(tx *sql.Tx) error {
		if err := t.lock(ctx, tx); err != nil {
			return err
		}
		return f(tx)
	})
}

// lock takes PostgreSQL's lock for the creation of tables, until the transaction ends.
func (t *Tables) lock(ctx context.Context, tx *sql.Tx) error {
	if t.Dialect != dialect.PostgreSQL {
		return nil
	}
	_, err := t.Exec(ctx, tx, fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d)`, createLock))
	return err
}
