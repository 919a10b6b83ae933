package outbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/dialect"
)

// Config configures an outbox. DB is required.
type Config struct {
	// DB is the database.
	DB *sql.DB
	// Bus gets the events. A nil Bus is for a process that writes events for another one to
	// send, or that only receives: see [Outbox.IsNew].
	Bus eventbus.Publisher
	// Table is the name of the table of events, "outbox" when empty, and the prefix of the
	// other tables. It is put into statements without quoting.
	Table string
	// DollarPlaceholders is for PostgreSQL: placeholders are $1, $2 instead of ?. It need
	// not be set if DB's driver is pgx or lib/pq.
	DollarPlaceholders bool
	// MySQL is for MySQL. It need not be set if the package of DB's driver is called
	// mysql. If neither is set, nor follows from the driver, the SQL is SQLite's.
	MySQL bool
	// Source is the Source of events without one. When empty it is "sinew".
	Source string
	// Poll is how often Run asks for events that another process has written, and for
	// those that are due. The default is 1 s.
	Poll time.Duration
	// Lease is how long after the death of the process that sends another one takes over.
	// The default is 10 s, the minimum 1 s.
	Lease time.Duration
	// Resend is for a bus that may lose what it has accepted, such as eventbus.Memory at
	// the end of its process. An event is sent again by a Run that begins within this time
	// after it was sent. When 0, an event is deleted when the bus has accepted it.
	Resend time.Duration
	// Remember is how long [Outbox.IsNew] knows an event. The default is 7 days. It must be
	// longer than the bus may deliver an event again.
	Remember time.Duration
	// Notify makes each publication on PostgreSQL send a notification at its commit, for
	// postgres.Listen. PostgreSQL serializes the commits of transactions that notify.
	Notify bool
	// Logger is the logger. The default is slog.Default().
	Logger *slog.Logger
}

// minLease is the shortest lease. It is renewed three times as often.
const minLease = time.Second

// Outbox is an outbox and an inbox in a database. It is safe for concurrent use.
type Outbox struct {
	config  Config
	dialect dialect.Dialect
	holder  string        // of the lease
	wake    chan struct{} // has room for one
	running chan struct{} // has one while Run runs

	descs        descs
	sent, parked atomic.Int64
}

// New returns an outbox. It uses neither the database nor the bus. It returns
// fault.InvalidArgument if a setting is wrong.
func New(c Config) (*Outbox, error) {
	switch {
	case c.DB == nil:
		return nil, fault.InvalidArgument.Errorf("outbox: Config.DB is nil; give the database of the changes")
	case c.Poll < 0, c.Resend < 0, c.Remember < 0:
		return nil, fault.InvalidArgument.Errorf("outbox: Config.Poll %s, Resend %s or Remember %s is negative", c.Poll, c.Resend, c.Remember)
	case c.Lease != 0 && c.Lease < minLease:
		return nil, fault.InvalidArgument.Errorf("outbox: Config.Lease %s is shorter than %s", c.Lease, minLease)
	}
	c.Table = cmp.Or(c.Table, "outbox")
	c.Poll = cmp.Or(c.Poll, time.Second)
	c.Lease = cmp.Or(c.Lease, 10*time.Second)
	c.Remember = cmp.Or(c.Remember, 7*24*time.Hour)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if absent.Is(c.Bus) {
		c.Bus = nil
	}
	d := dialect.Of(c.DB, c.DollarPlaceholders, c.MySQL)
	if c.Notify && d != dialect.PostgreSQL {
		return nil, fault.InvalidArgument.Errorf("outbox: Config.Notify is for PostgreSQL only")
	}
	return &Outbox{config: c, dialect: d, holder: rand.Text(), wake: make(chan struct{}, 1), running: make(chan struct{}, 1), descs: descsOf(c.Table)}, nil
}

// Wake makes Run look for events now. Call it after the commit. It never blocks, so a
// handler of events may call it.
func (o *Outbox) Wake() {
	select {
	case o.wake <- struct{}{}:
	default: // it is awake already
	}
}

// Channel is the PostgreSQL channel on which the outbox notifies; see Config.Notify.
func (o *Outbox) Channel() string { return "sinew_" + strings.ReplaceAll(o.config.Table, ".", "_") }

// Execer executes a statement within a transaction: a *sql.Tx does.
type Execer interface {
	ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error)
}

// render returns a statement for the database. {outbox} is the name of the table of
// events.
func (o *Outbox) render(statement string) string {
	return o.dialect.Render(strings.ReplaceAll(statement, "{outbox}", o.config.Table))
}

// failure returns an error of the database, which may be nil, with the name of the table.
func (o *Outbox) failure(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("outbox %s: %w", o.config.Table, err)
}

// exec returns the number of rows that a statement has changed.
func (o *Outbox) exec(ctx context.Context, in Execer, statement string, args ...any) (int64, error) {
	result, err := in.ExecContext(ctx, o.render(statement), args...)
	if err != nil {
		return 0, o.failure(err)
	}
	n, err := result.RowsAffected()
	return n, o.failure(err)
}

// one reads the only row of a query.
func (o *Outbox) one(ctx context.Context, statement string, into ...any) error {
	return o.failure(o.config.DB.QueryRowContext(ctx, o.render(statement)).Scan(into...))
}

// each calls read for each row of a query, until it returns false or an error.
func (o *Outbox) each(ctx context.Context, read func(scan func(into ...any) error) (more bool, err error), statement string, args ...any) error {
	rows, err := o.config.DB.QueryContext(ctx, o.render(statement), args...)
	if err != nil {
		return o.failure(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if more, err := read(rows.Scan); err != nil || !more {
			return o.failure(err)
		}
	}
	return o.failure(rows.Err())
}

// within runs f in a transaction.
func (o *Outbox) within(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := o.config.DB.BeginTx(ctx, nil)
	if err != nil {
		return o.failure(err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if err := f(tx); err != nil {
		return err
	}
	return o.failure(tx.Commit())
}
