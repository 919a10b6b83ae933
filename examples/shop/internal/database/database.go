// Package database stores a service's entities in SQLite, as JSON documents, and its
// events in an outbox of the same transaction.
package database

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver
)

// Open opens the database name.db in the folder dir, which it creates if missing, and
// executes the statements of schema. Several processes may open it. Without a dir it is
// in memory, and lost when it is closed.
func Open(dir, name string, schema ...string) (*sql.DB, error) {
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
	for _, statement := range schema {
		if _, err := db.ExecContext(context.Background(), statement); err != nil {
			_ = db.Close()
			return nil, fmt.Errorf("database %s: %w", name, err)
		}
	}
	return db, nil
}

// Within runs f in a transaction.
func Within(ctx context.Context, db *sql.DB, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
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
