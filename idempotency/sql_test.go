package idempotency_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/idempotency"
)

// recorder is a database that records its statements and has no rows.
type recorder struct {
	statements []string
	args       [][]driver.NamedValue
}

func (r *recorder) Connect(context.Context) (driver.Conn, error) { return r, nil }
func (r *recorder) Driver() driver.Driver                        { return nil }
func (r *recorder) Prepare(string) (driver.Stmt, error)          { return nil, errors.ErrUnsupported }
func (r *recorder) Begin() (driver.Tx, error)                    { return nil, errors.ErrUnsupported }
func (r *recorder) Close() error                                 { return nil }

func (r *recorder) ExecContext(_ context.Context, statement string, args []driver.NamedValue) (driver.Result, error) {
	r.statements, r.args = append(r.statements, statement), append(r.args, args)
	return driver.RowsAffected(0), nil
}

func (r *recorder) QueryContext(_ context.Context, statement string, args []driver.NamedValue) (driver.Rows, error) {
	r.statements, r.args = append(r.statements, statement), append(r.args, args)
	return nil, sql.ErrNoRows
}

// statements makes a store send every statement that it has.
func statements(t *testing.T, s idempotency.SQL) *recorder {
	t.Helper()
	r := &recorder{}
	s.DB = sql.OpenDB(r)
	defer func() { _ = s.DB.Close() }()
	ctx := t.Context()
	if _, _, err := s.Claim(ctx, "k", []byte("f"), time.Minute); err == nil {
		t.Error("claimed where no insert works")
	}
	if err := errors.Join(s.Create(ctx), s.Renew(ctx, "k", "c", time.Minute), s.Answer(ctx, "k", "c", nil, time.Hour), s.Release(ctx, "k", "c"), s.Expire(ctx)); err != nil {
		t.Error(err)
	}
	return r
}

func TestASQLStoreWithoutADatabaseSaysSo(t *testing.T) {
	_, _, err := idempotency.Once(t.Context(), idempotency.SQL{}, "scope", "k", nil, func() ([]byte, bool, error) { return nil, true, nil })
	if err == nil || !strings.Contains(err.Error(), "DB is nil") {
		t.Error(err)
	}
}

func TestSQLStoreUsesTheDatabasesPlaceholders(t *testing.T) {
	for _, tt := range []struct {
		store                  idempotency.SQL
		first, bytes, notBytes string
		clock, insert          string
	}{
		{idempotency.SQL{}, "?", "BLOB", "BYTEA", "julianday('now')", "ON CONFLICT"},
		{idempotency.SQL{DollarPlaceholders: true, Table: "shop.keys"}, "$1", "BYTEA", "BLOB", "clock_timestamp()", "ON CONFLICT"},
		{idempotency.SQL{MySQL: true}, "?", "LONGBLOB", "BYTEA", "UTC_TIMESTAMP(3)", "INSERT IGNORE"},
	} {
		table := tt.store.Table
		if table == "" {
			table = "idempotency"
		}
		r := statements(t, tt.store)
		clocks := 0
		for i, statement := range r.statements {
			if strings.Contains(statement, tt.clock) {
				clocks++
			}
			if strings.HasPrefix(statement, "INSERT") && !strings.Contains(statement, tt.insert) {
				t.Errorf("%s\nfails where there is a row, and with it the transaction that it is in", statement)
			}
			var want []string
			for n := range r.args[i] {
				want = append(want, strings.Replace(tt.first, "1", string(rune('1'+n)), 1))
			}
			if got := regexp.MustCompile(`\?|\$\d+`).FindAllString(statement, -1); !slices.Equal(got, want) || !strings.Contains(statement, " "+table+" ") {
				t.Errorf("%s\nhas the placeholders %v, want %v, and the table %s", statement, got, want, table)
			}
			if strings.HasPrefix(statement, "CREATE TABLE") && (!strings.Contains(statement, tt.bytes) || strings.Contains(statement, tt.notBytes)) {
				t.Errorf("%s\nhas bytes that are no %s", statement, tt.bytes)
			}
		}
		if len(r.statements) < 14 || clocks != 9 {
			t.Errorf("%d statements, %d of them with the database's clock: %q", len(r.statements), clocks, r.statements)
		}
	}
}
