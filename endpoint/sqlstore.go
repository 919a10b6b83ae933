package endpoint

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
)

// SQLStore is an [IdempotencyStore] in a table that any number of instances
// share, over any database/sql driver. It is safe for concurrent use.
type SQLStore struct {
	// DB is the database.
	DB *sql.DB
	// Table is the table's name, "idempotency" when empty. It is put into
	// statements as it is.
	Table string
	// Numbered writes placeholders as $1, $2 (PostgreSQL) instead of ?.
	Numbered bool
}

// Create makes the table where it does not exist.
func (s SQLStore) Create(ctx context.Context) error {
	return s.exec(ctx, `CREATE TABLE IF NOT EXISTS {table} (
		id VARCHAR(64) PRIMARY KEY, claim VARCHAR(26) NOT NULL, fingerprint `+s.bytesType()+` NOT NULL, answer `+s.bytesType()+`, expires_at BIGINT NOT NULL)`)
}

// Claim implements [IdempotencyStore]. The primary key decides between two
// callers; expired rows make way.
func (s SQLStore) Claim(ctx context.Context, key string, fingerprint []byte, lease time.Duration) (string, []byte, error) {
	now := time.Now()
	if err := s.exec(ctx, `DELETE FROM {table} WHERE id = ? AND expires_at <= ?`, key, now.UnixNano()); err != nil {
		return "", nil, err
	}
	claim := rand.Text()
	var insertErr error
	for range 3 { // a row that refused the insert may be gone before it is read
		insertErr = s.exec(ctx, `INSERT INTO {table} (id, claim, fingerprint, expires_at) VALUES (?, ?, ?, ?)`, key, claim, fingerprint, now.Add(lease).UnixNano())
		if insertErr == nil {
			return claim, nil, nil
		}
		answer, err := s.read(ctx, key, fingerprint)
		if !errors.Is(err, sql.ErrNoRows) {
			return "", answer, err
		}
	}
	return "", nil, insertErr
}

// Renew implements [IdempotencyStore].
func (s SQLStore) Renew(ctx context.Context, key, claim string, lease time.Duration) error {
	return s.exec(ctx, `UPDATE {table} SET expires_at = ? WHERE id = ? AND claim = ? AND answer IS NULL`, time.Now().Add(lease).UnixNano(), key, claim)
}

// Answer implements [IdempotencyStore].
func (s SQLStore) Answer(ctx context.Context, key, claim string, answer []byte, ttl time.Duration) error {
	// Some drivers know no empty value from none: an answer is never empty.
	kept := append([]byte{1}, answer...)
	return s.exec(ctx, `UPDATE {table} SET answer = ?, expires_at = ? WHERE id = ? AND claim = ?`, kept, time.Now().Add(ttl).UnixNano(), key, claim)
}

// Release implements [IdempotencyStore].
func (s SQLStore) Release(ctx context.Context, key, claim string) error {
	return s.exec(ctx, `DELETE FROM {table} WHERE id = ? AND claim = ? AND answer IS NULL`, key, claim)
}

// Expire deletes the rows whose time is over. Claim works without it; call it now
// and then to keep the table small.
func (s SQLStore) Expire(ctx context.Context) error {
	return s.exec(ctx, `DELETE FROM {table} WHERE expires_at <= ?`, time.Now().UnixNano())
}

func (s SQLStore) read(ctx context.Context, key string, fingerprint []byte) ([]byte, error) {
	var before, answer []byte
	err := s.DB.QueryRowContext(ctx, s.text(`SELECT fingerprint, answer FROM {table} WHERE id = ?`), key).Scan(&before, &answer)
	switch {
	case err != nil:
		return nil, fmt.Errorf("idempotency store: %w", err)
	case !bytes.Equal(before, fingerprint):
		return nil, KeyReused()
	case len(answer) == 0:
		return nil, KeyInUse()
	}
	return answer[1:], nil
}

func (s SQLStore) exec(ctx context.Context, statement string, args ...any) error {
	if _, err := s.DB.ExecContext(ctx, s.text(statement), args...); err != nil {
		return fmt.Errorf("idempotency store: %w", err)
	}
	return nil
}

func (s SQLStore) text(statement string) string {
	table := s.Table
	if table == "" {
		table = "idempotency"
	}
	statement = strings.ReplaceAll(statement, "{table}", table)
	if s.Numbered {
		for n := 1; strings.Contains(statement, "?"); n++ {
			statement = strings.Replace(statement, "?", "$"+strconv.Itoa(n), 1)
		}
	}
	return statement
}

func (s SQLStore) bytesType() string {
	if s.Numbered {
		return "BYTEA"
	}
	return "BLOB"
}
