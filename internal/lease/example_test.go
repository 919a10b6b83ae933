package lease_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/internal/lease"
	"github.com/sinew-go/sinew/internal/tables"
)

// database changes a row by each statement, as long as it is free.
type database struct{ free atomic.Bool }

func (d *database) Connect(context.Context) (driver.Conn, error) { return conn{d}, nil }
func (d *database) Driver() driver.Driver                        { return nil }

type conn struct{ *database }

func (c conn) Prepare(string) (driver.Stmt, error) { return nil, io.EOF }
func (c conn) Close() error                        { return nil }
func (c conn) Begin() (driver.Tx, error)           { return nil, io.EOF }

func (c conn) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	if c.free.Load() {
		return driver.RowsAffected(1), nil
	}
	return driver.RowsAffected(0), nil
}

// of returns a lease in the database.
func of(d *database, duration time.Duration) *lease.Lease {
	return &lease.Lease{
		Tables: &tables.Tables{DB: sql.OpenDB(d), Name: "jobs", Word: "{jobs}"},
		Name:   "cleaner", Holder: "me", Duration: duration, Logger: slog.New(slog.DiscardHandler),
	}
}

func Example() {
	d := &database{}
	d.free.Store(true)
	l := of(d, 10*time.Second)
	defer l.Tables.DB.Close()
	err := l.Lead(context.Background(), func(context.Context) { fmt.Println("only I clean") })
	fmt.Println(err)
	// Output:
	// only I clean
	// <nil>
}
