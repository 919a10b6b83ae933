package idempotency

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/dialect"
	"github.com/sinew-go/sinew/internal/once"
)

// SQL is a [Store] in a table that any number of instances share, over
// any database/sql driver: SQLite, PostgreSQL, MySQL and databases that are compatible
// with one of them. All times are the database's, so that the clocks of the instances may
// differ. A claim also deletes up to 16 expired rows, so that the table stays as large as
// what it stores. It is safe for concurrent use.
type SQL struct {
	// DB is the database.
	DB *sql.DB
	// Table is the name of the table, "idempotency" when empty. It is put into statements
	// without quoting.
	Table string
	// DollarPlaceholders is for PostgreSQL: placeholders are $1, $2 instead of ?. It need
	// not be set if DB's driver is pgx or lib/pq.
	DollarPlaceholders bool
	// MySQL is for MySQL. It need not be set if the package of DB's driver is called
	// mysql. If neither is set, nor follows from the driver, SQL uses SQLite's SQL.
	MySQL bool

	tx *sql.Tx
}

// maxSQLTidy is how many expired rows a claim deletes at most.
const maxSQLTidy = 16

// In returns the store inside a transaction: what it stores becomes effective when tx is
// committed, together with everything else in tx. It has two uses: [SaveAnswer] in a handler,
// and [Once] around everything that a transaction does, for example for an event that must
// count once. In a transaction, Answer fails with fault.Aborted if the claim is lost,
// since another run does the same work, and Renew does nothing.
func (s SQL) In(tx *sql.Tx) SQL {
	s.tx = tx
	return s
}

// Create makes the table if it does not exist. Several instances may call it at once.
func (s SQL) Create(ctx context.Context) error {
	err := s.create(ctx)
	if err != nil { // PostgreSQL fails if two create the same table at once
		err = s.create(ctx)
	}
	return err
}

// create makes the table. Its index is a constraint, since PostgreSQL creates no index, not
// even one that exists, while a transaction that has written is open.
func (s SQL) create(ctx context.Context) error {
	_, err := s.exec(ctx, `CREATE TABLE IF NOT EXISTS {table} (
		id VARCHAR(64) PRIMARY KEY, claim VARCHAR(26) NOT NULL, fingerprint {bytes} NOT NULL, answer {bytes}, expires_at BIGINT NOT NULL,
		UNIQUE (expires_at, id))`)
	return err
}

// Claim implements [Store]. Of several instances that claim a key at once, one succeeds:
// the primary key of the table decides. An expired row is deleted first.
func (s SQL) Claim(ctx context.Context, key string, fingerprint []byte, lease time.Duration) (string, []byte, error) {
	insert := `INSERT INTO {table} (id, claim, fingerprint, expires_at) VALUES (?, ?, ?, {now} + ?) ON CONFLICT (id) DO NOTHING`
	if s.dialect() == dialect.MySQL {
		insert = `INSERT IGNORE INTO {table} (id, claim, fingerprint, expires_at) VALUES (?, ?, ?, {now} + ?)`
	}
	claim := rand.Text()
	for range 3 { // the conflicting row may be deleted before it is read
		if _, err := s.exec(ctx, `DELETE FROM {table} WHERE id = ? AND expires_at <= {now}`, key); err != nil {
			return "", nil, err
		}
		claimed, err := s.hasChanged(s.exec(ctx, insert, key, claim, withPrefixByte(fingerprint), lease.Milliseconds()))
		if err != nil {
			return "", nil, err
		}
		if claimed {
			s.tidy(ctx, key)
			return claim, nil, nil
		}
		answer, err := s.readAnswer(ctx, key, fingerprint)
		if !errors.Is(err, sql.ErrNoRows) {
			return "", answer, err
		}
	}
	return "", nil, KeyInUse()
}

// Renew implements [Store].
func (s SQL) Renew(ctx context.Context, key, claim string, lease time.Duration) error {
	if s.tx != nil {
		return nil
	}
	_, err := s.exec(ctx, `UPDATE {table} SET expires_at = {now} + ? WHERE id = ? AND claim = ? AND answer IS NULL`, lease.Milliseconds(), key, claim)
	return err
}

// Answer implements [Store].
func (s SQL) Answer(ctx context.Context, key, claim string, answer []byte, ttl time.Duration) error {
	updated, err := s.exec(ctx, `UPDATE {table} SET answer = ?, expires_at = {now} + ? WHERE id = ? AND claim = ?`, withPrefixByte(answer), ttl.Milliseconds(), key, claim)
	if s.tx == nil {
		return err
	}
	isStored, err := s.hasChanged(updated, err)
	switch {
	case err != nil:
		return &once.RollbackError{Err: err}
	case !isStored:
		return &once.RollbackError{Err: fault.Aborted.Errorf("another run has this idempotency key, or table %s is not where it was claimed; undo the transaction", s.table()).WithReason(fault.ReasonClaimLost)}
	}
	return nil
}

// Release implements [Store].
func (s SQL) Release(ctx context.Context, key, claim string) error {
	_, err := s.exec(ctx, `DELETE FROM {table} WHERE id = ? AND claim = ? AND answer IS NULL`, key, claim)
	return err
}

// Expire deletes all expired rows at once. There is no need to call it: claims do the same
// in small portions.
func (s SQL) Expire(ctx context.Context) error {
	_, err := s.exec(ctx, `DELETE FROM {table} WHERE expires_at <= {now}`)
	return err
}

// tidy deletes a few expired rows, but not the one just claimed. A later claim deletes
// what it fails to delete. It does nothing in a transaction, where a failure would undo
// everything else.
func (s SQL) tidy(ctx context.Context, claimed string) {
	if s.tx != nil {
		return
	}
	rows, err := s.DB.QueryContext(ctx, s.render(`SELECT id FROM {table} WHERE expires_at <= {now} AND id <> ? ORDER BY expires_at, id LIMIT `+strconv.Itoa(maxSQLTidy)), claimed)
	if err != nil {
		return
	}
	var ids []any
	for rows.Next() {
		var id string
		if rows.Scan(&id) == nil {
			ids = append(ids, id)
		}
	}
	if rows.Close() == nil && len(ids) > 0 {
		_, _ = s.exec(ctx, `DELETE FROM {table} WHERE expires_at <= {now} AND id IN (?`+strings.Repeat(", ?", len(ids)-1)+`)`, ids...)
	}
}

func (s SQL) readAnswer(ctx context.Context, key string, fingerprint []byte) ([]byte, error) {
	db, err := s.querier()
	if err != nil {
		return nil, err
	}
	var before, answer []byte
	err = db.QueryRowContext(ctx, s.render(`SELECT fingerprint, answer FROM {table} WHERE id = ?`), key).Scan(&before, &answer)
	switch {
	case err != nil:
		return nil, fmt.Errorf("idempotency store: %w", err)
	case !bytes.Equal(before, withPrefixByte(fingerprint)):
		return nil, KeyReused()
	case len(answer) == 0:
		return nil, KeyInUse()
	}
	return answer[1:], nil
}

// withPrefixByte puts a byte in front of a value: some drivers do not distinguish an empty
// value from NULL.
func withPrefixByte(value []byte) []byte { return append([]byte{1}, value...) }

func (s SQL) exec(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	db, err := s.querier()
	if err != nil {
		return nil, err
	}
	result, err := db.ExecContext(ctx, s.render(statement), args...)
	if err != nil {
		return nil, fmt.Errorf("idempotency store: %w", err)
	}
	return result, nil
}

// querier is a *sql.DB or a *sql.Tx.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func (s SQL) querier() (querier, error) {
	switch {
	case s.tx != nil:
		return s.tx, nil
	case s.DB == nil:
		return nil, fault.Internal.Errorf("idempotency.SQL: DB is nil; give the store a database")
	}
	return s.DB, nil
}

// hasChanged reports whether a statement has changed a row.
func (s SQL) hasChanged(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("idempotency store: %w", err)
	}
	return rows > 0, nil
}

func (s SQL) table() string {
	if s.Table == "" {
		return "idempotency"
	}
	return s.Table
}

func (s SQL) dialect() dialect.Dialect { return dialect.Of(s.DB, s.DollarPlaceholders, s.MySQL) }

func (s SQL) render(statement string) string {
	return s.dialect().Render(strings.ReplaceAll(statement, "{table}", s.table()))
}
