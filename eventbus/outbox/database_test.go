package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/internal/testdatabase"
)

// rule is a promise of an outbox on every database.
type rule struct {
	name  string
	check func(s *subject)
}

func TestOnSQLite(t *testing.T) {
	check(t, testdatabase.SQLite(t))
}

func TestOnPostgreSQL(t *testing.T) { check(t, testdatabase.Postgres(realserver.Postgres(t))) }

func TestOnMariaDB(t *testing.T) { check(t, testdatabase.MariaDB(realserver.MariaDB(t))) }

func check(t *testing.T, d testdatabase.Database) {
	for i, r := range slices.Concat(publishing, failing, leading, receiving, scheduling, observing, enduring, sharing) {
		t.Run(r.name, func(t *testing.T) {
			r.check(&subject{T: t, Database: d, table: fmt.Sprintf("box%d", i)})
		})
	}
}

// subject is a database with an outbox of one rule.
type subject struct {
	*testing.T
	testdatabase.Database
	table string
}

// box returns an outbox with its own connections, as that of another process.
func (s *subject) box(bus eventbus.Publisher, set ...func(*outbox.Config)) *box {
	s.Helper()
	c := outbox.Config{DB: s.Open(s), Bus: bus, Table: s.table, Poll: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range set {
		f(&c)
	}
	o, err := outbox.New(c)
	if err != nil {
		s.Fatal(err)
	}
	if err := o.Create(s.Context()); err != nil {
		s.Fatal(err)
	}
	return &box{Outbox: o, s: s, db: c.DB}
}

// box is an outbox and its database.
type box struct {
	*outbox.Outbox
	s  *subject
	db *sql.DB
}

// run runs the outbox until stop, or the end of the test.
func (b *box) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { b.Run(ctx) })
	stop = func() { cancel(); running.Wait() }
	b.s.Cleanup(stop)
	return stop
}

// within runs f in a transaction that is committed.
func (b *box) within(f func(tx *sql.Tx) error) {
	b.s.Helper()
	tx, err := b.db.BeginTx(b.s.Context(), nil)
	if err != nil {
		b.s.Fatal(err)
	}
	if err := f(tx); err != nil {
		b.s.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		b.s.Fatal(err)
	}
}

// write writes events of a key, with an id each, in one transaction.
func (b *box) write(topic, key string, ids ...string) {
	b.s.Helper()
	b.within(func(tx *sql.Tx) error { return b.In(tx).Publish(b.s.Context(), topic, eventsOf(key, ids...)...) })
}

func eventsOf(key string, ids ...string) (all []eventbus.Event) {
	for _, id := range ids {
		all = append(all, eventbus.Event{ID: id, Key: key, Data: []byte(`"` + id + `"`)})
	}
	return all
}

func (b *box) stats() outbox.Stats {
	b.s.Helper()
	stats, err := b.Stats(b.s.Context())
	if err != nil {
		b.s.Fatal(err)
	}
	return stats
}

// bus records what is published. fail decides whether a publication fails.
type bus struct {
	mu     sync.Mutex
	seen   []eventbus.Event
	topics []string
	fail   atomic.Pointer[func(topic string, e eventbus.Event) error]
}

func (b *bus) failWith(f func(topic string, e eventbus.Event) error) { b.fail.Store(&f) }

// Publish implements eventbus.Publisher.
func (b *bus) Publish(ctx context.Context, topic string, events ...eventbus.Event) error {
	for _, e := range events {
		if f := b.fail.Load(); f != nil {
			if err := (*f)(topic, e); err != nil {
				return err
			}
		}
		b.mu.Lock()
		b.seen, b.topics = append(b.seen, e), append(b.topics, topic)
		b.mu.Unlock()
	}
	return ctx.Err()
}

func (b *bus) ids(key string) (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.seen {
		if e.Key == key {
			all = append(all, e.ID)
		}
	}
	return all
}

func (b *bus) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.seen)
}

// eventually waits until is returns true.
func (s *subject) eventually(what string, is func() bool) {
	s.Helper()
	for end := time.Now().Add(time.Minute); !is(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("waited in vain for %s", what)
		}
	}
}

// never watches for a while that is stays false.
func (s *subject) never(what string, is func() bool) {
	s.Helper()
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); <-time.After(5 * time.Millisecond) {
		if is() {
			s.Fatalf("%s happened", what)
		}
	}
}
