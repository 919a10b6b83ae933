package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/sinew-go/sinew/fault"
)

// openPostgres opens the schema name of a PostgreSQL database, which it creates if missing.
// Statements have the placeholders of SQLite, ? and ?1, and its function json_extract.
func openPostgres(url, name string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", name, err)
	}
	schema := pgx.Identifier{name}.Sanitize()
	config.RuntimeParams["search_path"] = schema
	db := sql.OpenDB(connector{stdlib.GetConnector(*config)})
	db.SetMaxOpenConns(8) // of each service; PostgreSQL allows 100 in all
	for _, statement := range []string{`CREATE SCHEMA IF NOT EXISTS ` + schema, jsonExtract} {
		if err := createOnce(db, statement); err != nil {
			return nil, errors.Join(fmt.Errorf("database %s: %w", name, err), db.Close())
		}
	}
	return db, nil
}

// jsonExtract creates the function of SQLite. It returns a text, of a boolean 1 or 0.
const jsonExtract = `CREATE OR REPLACE FUNCTION json_extract(doc text, path text) RETURNS text LANGUAGE sql IMMUTABLE AS
	$$ SELECT CASE doc::json #>> string_to_array(substr(path, 3), '.') WHEN 'true' THEN '1' WHEN 'false' THEN '0'
		ELSE doc::json #>> string_to_array(substr(path, 3), '.') END $$`

// createOnce executes a statement that creates something. It fails if another process does
// the same at once: then the second attempt finds what it wants.
func createOnce(db *sql.DB, statement string) error {
	_, err := db.ExecContext(context.Background(), statement)
	if err != nil {
		_, err = db.ExecContext(context.Background(), statement)
	}
	return err
}

func isPostgres(db *sql.DB) bool {
	_, ok := db.Driver().(*stdlib.Driver)
	return ok
}

// withinPostgres runs f in a transaction that is as if no other ran at the same time. f is
// repeated where PostgreSQL cannot give that, or after fault.Aborted.
func withinPostgres(ctx context.Context, db *sql.DB, f func(*sql.Tx) error) (err error) {
	const most = 20
	for n := range most {
		err = within(ctx, db, &sql.TxOptions{Isolation: sql.LevelSerializable}, f)
		conflict, ok := errors.AsType[*pgconn.PgError](err)
		if isConflict := ok && (conflict.Code == "40001" || conflict.Code == "40P01"); !isConflict && !errors.Is(err, fault.Aborted) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(rand.N(time.Duration(n+1) * 5 * time.Millisecond)):
		}
	}
	return err
}

// connector opens connections whose statements have the placeholders of SQLite.
type connector struct{ driver.Connector }

// Connect implements [driver.Connector].
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn{opened.(*stdlib.Conn)}, nil
}

type conn struct{ *stdlib.Conn }

// Prepare implements [driver.Conn].
func (c conn) Prepare(statement string) (driver.Stmt, error) {
	return c.Conn.Prepare(dollars(statement))
}

// PrepareContext implements [driver.ConnPrepareContext].
func (c conn) PrepareContext(ctx context.Context, statement string) (driver.Stmt, error) {
	return c.Conn.PrepareContext(ctx, dollars(statement))
}

// ExecContext implements [driver.ExecerContext].
func (c conn) ExecContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.ExecContext(ctx, dollars(statement), args)
}

// QueryContext implements [driver.QueryerContext].
func (c conn) QueryContext(ctx context.Context, statement string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.QueryContext(ctx, dollars(statement), args)
}

// dollars turns the placeholders ? and ?1 of a statement into $1.
func dollars(statement string) string {
	parts := strings.Split(statement, "?")
	var b strings.Builder
	b.WriteString(parts[0])
	for i, part := range parts[1:] {
		b.WriteByte('$')
		if part == "" || part[0] < '0' || part[0] > '9' {
			b.WriteString(strconv.Itoa(i + 1))
		}
		b.WriteString(part)
	}
	return b.String()
}
