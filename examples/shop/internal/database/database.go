// Package database stores a service's entities in SQLite or PostgreSQL, as JSON documents or
// as what has happened to them, and its events in an outbox of the same transaction.
package database

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver
)

// Open opens the database of the service name, and executes the statements of schema, in
// which {rowid} stands for the column that PostgreSQL needs for the order of rows. Several
// processes may open it. at is the URL of a PostgreSQL database, in which the service has a
// schema, or a folder for SQLite, which is created if missing. Without either the database
// is in memory, and lost when it is closed.
func Open(at, name string, schema ...string) (db *sql.DB, err error) {
	if strings.HasPrefix(at, "postgres://") || strings.HasPrefix(at, "postgresql://") {
		db, err = openPostgres(at, name)
	} else {
		db, err = openSQLite(at, name)
	}
	if err != nil {
		return nil, err
	}
	rowid := ""
	if isPostgres(db) {
		rowid = ", rowid BIGINT GENERATED ALWAYS AS IDENTITY"
	}
	for _, statement := range schema {
		if err := createOnce(db, strings.ReplaceAll(statement, "{rowid}", rowid)); err != nil {
			_ = db.Close()
			return nil, fmt.Errorf("database %s: %w", name, err)
		}
	}
	return db, nil
}

func openSQLite(dir, name string) (*sql.DB, error) {
	source := "file:" + name + "?mode=memory&_txlock=immediate"
	if dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
		path := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.Join(dir, name+".db")}).EscapedPath()}
		source = path.String() + "?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(normal)"
	}
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", name, err)
	}
	db.SetMaxOpenConns(1) // SQLite allows one writer at a time; a queue here is better than its busy handler
	return db, nil
}

// Within runs f in a transaction that no other one disturbs. On PostgreSQL f may run again,
// in another transaction, and does after fault.Aborted, which says that it has seen an older
// state.
func Within(ctx context.Context, db *sql.DB, f func(*sql.Tx) error) error {
	if isPostgres(db) {
		return withinPostgres(ctx, db, f)
	}
	return within(ctx, db, nil, f)
}

func within(ctx context.Context, db *sql.DB, options *sql.TxOptions, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}
