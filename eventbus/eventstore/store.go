package eventstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/change"
	"github.com/sinew-go/sinew/internal/dialect"
	"github.com/sinew-go/sinew/internal/lease"
	"github.com/sinew-go/sinew/internal/tables"
)

// Config configures a store. DB is required.
type Config struct {
	// DB is the database.
	DB *sql.DB
	// Table is the name of the table of events, "events" when empty, and the prefix of the
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
	// Poll is how often [Store.Follow] and projections ask for events that another process
	// has appended. The default is 1 s.
	Poll time.Duration
	// Lease is how long after the death of the process that runs a projection another one
	// takes over. The default is 10 s, the minimum 1 s.
	Lease time.Duration
	// Logger is the logger. The default is slog.Default().
	Logger *slog.Logger
}

// Store stores events in a database. It is safe for concurrent use.
type Store struct {
	*shared
	tx Tx // nil: each call has transactions of its own
}

// shared is what a store has in common with those that [Store.In] returns.
type shared struct {
	config Config
	tables *tables.Tables
	holder string // of leases
	descs  descs

	sequencing          chan struct{} // has one while this process gives positions
	appended, conflicts atomic.Int64

	woke, projected signal // an event is appended; a projection has come further
}

// signal wakes those that wait for a change in the database.
type signal struct {
	mu      sync.Mutex
	changed change.Signal
}

func (s *signal) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Notify()
}

// next returns a channel that the next notify closes.
func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed.Next()
}

// Tx is a transaction of the caller: a *sql.Tx is one.
type Tx interface {
	ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, statement string, args ...any) (*sql.Rows, error)
}

// New returns a store. It does not use the database. It returns fault.InvalidArgument if a
// setting is wrong.
func New(c Config) (*Store, error) {
	switch {
	case c.DB == nil:
		return nil, fault.InvalidArgument.Errorf("eventstore: Config.DB is nil; give the database of the events")
	case c.Poll < 0:
		return nil, fault.InvalidArgument.Errorf("eventstore: Config.Poll %s is negative", c.Poll)
	case c.Lease != 0 && c.Lease < lease.Minimum:
		return nil, fault.InvalidArgument.Errorf("eventstore: Config.Lease %s is shorter than %s", c.Lease, lease.Minimum)
	}
	c.Table = cmp.Or(c.Table, "events")
	c.Poll = cmp.Or(c.Poll, time.Second)
	c.Lease = cmp.Or(c.Lease, 10*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return &Store{shared: &shared{
		config: c, holder: rand.Text(), descs: descsOf(c.Table), sequencing: make(chan struct{}, 1),
		tables: &tables.Tables{
			DB: c.DB, Dialect: dialect.Of(c.DB, c.DollarPlaceholders, c.MySQL), Name: c.Table, Word: "{events}", Owner: "eventstore",
		},
	}}, nil
}

// schema are the tables. In the table of events, n is the order of writing, and position
// that of reading, 0 until the event has one.
var schema = []tables.Table{
	{Suffix: "", Columns: `n {serial}, position BIGINT NOT NULL DEFAULT 0, stream VARCHAR(255) NOT NULL, version BIGINT NOT NULL, id VARCHAR(255) NOT NULL,
		event {bytes} NOT NULL, at BIGINT NOT NULL, UNIQUE (position, n), UNIQUE (stream, version), UNIQUE (stream, id)`},
	{Suffix: "_streams", Columns: `stream VARCHAR(255) PRIMARY KEY, version BIGINT NOT NULL`},
	{Suffix: "_head", Columns: `n BIGINT PRIMARY KEY, position BIGINT NOT NULL`},
	{Suffix: "_snapshots", Columns: `stream VARCHAR(255) PRIMARY KEY, state_version BIGINT NOT NULL, version BIGINT NOT NULL, state {bytes} NOT NULL`},
	{Suffix: "_projections", Columns: `name VARCHAR(100) NOT NULL, version BIGINT NOT NULL, position BIGINT NOT NULL, caught_up BIGINT NOT NULL,
		skipped BIGINT NOT NULL, failed BIGINT NOT NULL, failed_at BIGINT NOT NULL, reason VARCHAR(2000) NOT NULL, PRIMARY KEY (name, version)`},
	{Suffix: "_lease", Columns: lease.Columns},
}

// Create creates the tables that do not exist. Several instances may call it at once:
//
//	events              the events
//	events_streams      the version of each stream
//	events_head         the position of the last event that has one
//	events_snapshots    states of aggregates: see [Aggregate]
//	events_projections  how far each projection has come: see [Store.Projections]
//	events_lease        who runs a projection
func (s *Store) Create(ctx context.Context) error {
	if err := s.tables.Create(ctx, schema); err != nil {
		return err
	}
	_, err := s.tables.Exec(ctx, s.config.DB, s.tables.IgnoringConflict(`INTO {events}_head (n, position) VALUES (1, 0)`, "n"))
	return err
}

// In returns the store within the transaction tx: what it appends commits with tx, and
// what it reads is what tx sees. Call [Store.Wake] after the commit.
func (s *Store) In(tx Tx) *Store { return &Store{shared: s.shared, tx: tx} }

// querier is where statements are executed.
func (s *Store) querier() tables.Querier {
	if s.tx != nil {
		return s.tx
	}
	return s.config.DB
}

// Wake makes those that follow the store in this process read now. Append does it; call it
// after the commit of a transaction of your own. It never blocks.
func (s *Store) Wake() { s.woke.notify() }
