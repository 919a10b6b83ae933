package endpoint

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/once"
)

// SQLStore is an [IdempotencyStore] in a table that any number of instances
// share, over any database/sql driver: SQLite, PostgreSQL, MySQL and what speaks
// like one of them. All times are the database's, so that the clocks of the
// instances may differ. A key that was claimed has up to 16 expired rows deleted
// with it, so that the table stays as large as what is kept. It is safe for
// concurrent use.
type SQLStore struct {
	// DB is the database.
	DB *sql.DB
	// Table is the table's name, "idempotency" when empty. It is put into
	// statements as it is.
	Table string
	// DollarPlaceholders speaks PostgreSQL: placeholders are $1, $2 instead of ?.
	DollarPlaceholders bool
	// MySQL speaks MySQL. It need not be set where the package of DB's driver is
	// called mysql. Without it and DollarPlaceholders, SQLStore speaks SQLite.
	MySQL bool

	tx *sql.Tx
}

// sqlTidy is how many expired rows a claim deletes at most.
const sqlTidy = 16

// In is the store inside a transaction: what it does holds when tx is committed,
// and with it all else that tx does. Two uses of it: [Keep] in a handler, and
// [Once] around all that a transaction does, as for an event that must count once.
// In a transaction Answer fails with fault.Aborted where the claim is lost, since
// another run does what this one does, and renewing has no need.
func (s SQLStore) In(tx *sql.Tx) SQLStore {
	s.tx = tx
	return s
}

// Create makes the table where it does not exist. Several instances may do so at
// once.
func (s SQLStore) Create(ctx context.Context) error {
	err := s.create(ctx)
	if err != nil { // PostgreSQL fails where two make the same table at once
		err = s.create(ctx)
	}
	return err
}

func (s SQLStore) create(ctx context.Context) error {
	index := ""
	if s.speaksMySQL() {
		index = ", INDEX (expires_at)"
	}
	_, err := s.exec(ctx, `CREATE TABLE IF NOT EXISTS {table} (
		id VARCHAR(64) PRIMARY KEY, claim VARCHAR(26) NOT NULL, fingerprint {bytes} NOT NULL, answer {bytes}, expires_at BIGINT NOT NULL`+index+`)`)
	if err != nil || index != "" {
		return err
	}
	name, table := `"`+strings.NewReplacer(".", "_", `"`, "").Replace(s.table())+`_expires"`, "{table}"
	if schema, of, ok := strings.Cut(s.table(), "."); ok && !s.DollarPlaceholders { // SQLite has the schema at the index
		name, table = schema+"."+name, of
	}
	_, err = s.exec(ctx, `CREATE INDEX IF NOT EXISTS `+name+` ON `+table+` (expires_at)`)
	return err
}

// Claim implements [IdempotencyStore]. The primary key decides between two
// callers; expired rows make way.
func (s SQLStore) Claim(ctx context.Context, key string, fingerprint []byte, lease time.Duration) (string, []byte, error) {
	insert := `INSERT INTO {table} (id, claim, fingerprint, expires_at) VALUES (?, ?, ?, {now} + ?) ON CONFLICT (id) DO NOTHING`
	if s.speaksMySQL() {
		insert = `INSERT IGNORE INTO {table} (id, claim, fingerprint, expires_at) VALUES (?, ?, ?, {now} + ?)`
	}
	claim := rand.Text()
	for range 3 { // the row in the way may be gone before it is read
		if _, err := s.exec(ctx, `DELETE FROM {table} WHERE id = ? AND expires_at <= {now}`, key); err != nil {
			return "", nil, err
		}
		claimed, err := s.changed(s.exec(ctx, insert, key, claim, marked(fingerprint), lease.Milliseconds()))
		if err != nil {
			return "", nil, err
		}
		if claimed {
			s.tidy(ctx, key)
			return claim, nil, nil
		}
		answer, err := s.read(ctx, key, fingerprint)
		if !errors.Is(err, sql.ErrNoRows) {
			return "", answer, err
		}
	}
	return "", nil, KeyInUse()
}

// Renew implements [IdempotencyStore].
func (s SQLStore) Renew(ctx context.Context, key, claim string, lease time.Duration) error {
	if s.tx != nil {
		return nil
	}
	_, err := s.exec(ctx, `UPDATE {table} SET expires_at = {now} + ? WHERE id = ? AND claim = ? AND answer IS NULL`, lease.Milliseconds(), key, claim)
	return err
}

// Answer implements [IdempotencyStore].
func (s SQLStore) Answer(ctx context.Context, key, claim string, answer []byte, ttl time.Duration) error {
	updated, err := s.exec(ctx, `UPDATE {table} SET answer = ?, expires_at = {now} + ? WHERE id = ? AND claim = ?`, marked(answer), ttl.Milliseconds(), key, claim)
	if s.tx == nil {
		return err
	}
	kept, err := s.changed(updated, err)
	switch {
	case err != nil:
		return &once.RollbackError{Err: err}
	case !kept:
		return &once.RollbackError{Err: fault.Aborted.Errorf("another run has this idempotency key, or table %s is not where it was claimed; undo the transaction", s.table()).WithReason("claim_lost")}
	}
	return nil
}

// Release implements [IdempotencyStore].
func (s SQLStore) Release(ctx context.Context, key, claim string) error {
	_, err := s.exec(ctx, `DELETE FROM {table} WHERE id = ? AND claim = ? AND answer IS NULL`, key, claim)
	return err
}

// Expire deletes all rows whose time is over at once. There is no need to call it:
// claims do the same in small portions.
func (s SQLStore) Expire(ctx context.Context) error {
	_, err := s.exec(ctx, `DELETE FROM {table} WHERE expires_at <= {now}`)
	return err
}

// tidy deletes a few expired rows beside the one just claimed. What it fails to
// delete, a later claim does. In a transaction it is left out: there, a failure
// would undo all the rest.
func (s SQLStore) tidy(ctx context.Context, claimed string) {
	if s.tx != nil {
		return
	}
	rows, err := s.DB.QueryContext(ctx, s.text(`SELECT id FROM {table} WHERE expires_at <= {now} AND id <> ? ORDER BY expires_at, id LIMIT `+strconv.Itoa(sqlTidy)), claimed)
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

func (s SQLStore) read(ctx context.Context, key string, fingerprint []byte) ([]byte, error) {
	db, err := s.querier()
	if err != nil {
		return nil, err
	}
	var before, answer []byte
	err = db.QueryRowContext(ctx, s.text(`SELECT fingerprint, answer FROM {table} WHERE id = ?`), key).Scan(&before, &answer)
	switch {
	case err != nil:
		return nil, fmt.Errorf("idempotency store: %w", err)
	case !bytes.Equal(before, marked(fingerprint)):
		return nil, KeyReused()
	case len(answer) == 0:
		return nil, KeyInUse()
	}
	return answer[1:], nil
}

// marked is a value with a byte in front: some drivers do not tell an empty one
// from none.
func marked(value []byte) []byte { return append([]byte{1}, value...) }

func (s SQLStore) exec(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	db, err := s.querier()
	if err != nil {
		return nil, err
	}
	result, err := db.ExecContext(ctx, s.text(statement), args...)
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

func (s SQLStore) querier() (querier, error) {
	switch {
	case s.tx != nil:
		return s.tx, nil
	case s.DB == nil:
		return nil, fault.Internal.Errorf("endpoint.SQLStore: DB is nil; give the store a database")
	}
	return s.DB, nil
}

// changed says whether a statement has changed a row.
func (s SQLStore) changed(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("idempotency store: %w", err)
	}
	return rows > 0, nil
}

func (s SQLStore) table() string {
	if s.Table == "" {
		return "idempotency"
	}
	return s.Table
}

func (s SQLStore) speaksMySQL() bool {
	return s.MySQL || !s.DollarPlaceholders && s.DB != nil && strings.Contains(packageOf(s.DB.Driver()), "mysql")
}

func packageOf(value any) string {
	t := reflect.TypeOf(value)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return ""
	}
	return t.PkgPath()
}

// text is a statement as the database wants it. {now} is its clock in milliseconds
// since 1970, {bytes} a type for up to 4 MiB.
func (s SQLStore) text(statement string) string {
	now, bytesType := `CAST((julianday('now') - 2440587.5) * 86400000 + 0.5 AS INTEGER)`, "BLOB"
	switch {
	case s.DollarPlaceholders:
		now, bytesType = `CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)`, "BYTEA"
	case s.speaksMySQL():
		now, bytesType = `(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000)`, "LONGBLOB"
	}
	statement = strings.NewReplacer("{table}", s.table(), "{now}", now, "{bytes}", bytesType).Replace(statement)
	if s.DollarPlaceholders {
		for n := 1; strings.Contains(statement, "?"); n++ {
			statement = strings.Replace(statement, "?", "$"+strconv.Itoa(n), 1)
		}
	}
	return statement
}
