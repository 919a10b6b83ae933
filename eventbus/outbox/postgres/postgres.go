// Package postgres connects an outbox to PostgreSQL by pgx: it writes events in a
// transaction of pgx, and wakes the sender when another process has committed some.
//
//	err = order.Placed.Publish(ctx, box.In(postgres.Tx(tx)), placed)
//
//	go postgres.Listen(ctx, "postgres://127.0.0.1/shop", box)
package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/backoff"
	"github.com/sinew-go/sinew/internal/redact"
)

// Querier executes a statement: a pgx.Tx does.
type Querier interface {
	Exec(ctx context.Context, statement string, args ...any) (pgconn.CommandTag, error)
}

// Tx returns a transaction of pgx for the methods of an outbox.
func Tx(tx Querier) outbox.Execer { return execer{tx} }

type execer struct{ tx Querier }

// ExecContext implements outbox.Execer.
func (e execer) ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error) {
	tag, err := e.tx.Exec(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	return driver.RowsAffected(tag.RowsAffected()), nil
}

// pauses are those between two attempts to connect.
var pauses = backoff.Policy{Min: 100 * time.Millisecond, Max: 5 * time.Second}

// checkConnection is how often Listen checks a connection on which nothing happens, and how
// long it waits for the answer. It is a variable for tests.
var checkConnection = 30 * time.Second

// Listen wakes the outbox whenever a transaction commits that has written events with
// Config.Notify, until ctx ends. It needs a connection of its own, and makes a new one
// when that fails; meanwhile the outbox polls. It returns fault.InvalidArgument at once if
// url is wrong, and nil when ctx ends.
func Listen(ctx context.Context, url string, o *outbox.Outbox) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fault.InvalidArgument.Errorf("outbox/postgres: the URL of the database: %w", redact.Error(err))
	}
	pause := time.Duration(0)
	for ctx.Err() == nil {
		if listen(ctx, config, o) {
			pause = 0
		}
		pause = pauses.Next(pause)
		_ = backoff.Wait(ctx, pause)
	}
	return nil
}

// listen wakes the outbox until its connection fails, and reports whether it had one.
func listen(ctx context.Context, config *pgx.ConnConfig, o *outbox.Outbox) bool {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{o.Channel()}.Sanitize()); err != nil {
		return false
	}
	o.Wake() // for what was written meanwhile
	for {
		wait, cancel := context.WithTimeout(ctx, checkConnection)
		_, err := conn.WaitForNotification(wait)
		cancel()
		switch {
		case err == nil:
			o.Wake()
		case ctx.Err() != nil:
			return true
		case pgconn.Timeout(err):
			if !answers(ctx, conn) {
				return true
			}
		default:
			return true
		}
	}
}

// answers reports whether the server answers in time.
func answers(ctx context.Context, conn *pgx.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, checkConnection)
	defer cancel()
	return conn.Ping(ctx) == nil
}
