package outbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/dialect"
	"github.com/sinew-go/sinew/internal/lease"
	"github.com/sinew-go/sinew/internal/tables"
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

// Outbox is an outbox and an inbox in a database. It is safe for concurrent use.
type Outbox struct {
	config  Config
	tables  *tables.Tables
	lease   *lease.Lease
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
	case c.Lease != 0 && c.Lease < lease.Minimum:
		return nil, fault.InvalidArgument.Errorf("outbox: Config.Lease %s is shorter than %s", c.Lease, lease.Minimum)
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
	all := &tables.Tables{DB: c.DB, Dialect: d, Name: c.Table, Word: "{outbox}", Owner: "outbox"}
	return &Outbox{
		config: c, tables: all, wake: make(chan struct{}, 1), running: make(chan struct{}, 1), descs: descsOf(c.Table),
		lease: &lease.Lease{Tables: all, Name: "sender", Holder: rand.Text(), Duration: c.Lease, Logger: c.Logger},
	}, nil
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
