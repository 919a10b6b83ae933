package eventstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/internal/testdatabase"
)

// rule is a promise of a store on every database.
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
	for i, r := range slices.Concat(appending, following, folding, projecting, effects, rebuilding) {
		t.Run(r.name, func(t *testing.T) {
			r.check(&subject{T: t, Database: d, table: fmt.Sprintf("store%d", i)})
		})
	}
}

// subject is a database with a store of one rule.
type subject struct {
	*testing.T
	testdatabase.Database
	table string
}

// store returns a store with its own connections, as that of another process.
func (s *subject) store(set ...func(*eventstore.Config)) *store {
	s.Helper()
	c := eventstore.Config{DB: s.Open(s), Table: s.table, Poll: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range set {
		f(&c)
	}
	o, err := eventstore.New(c)
	if err != nil {
		s.Fatal(err)
	}
	if err := o.Create(s.Context()); err != nil {
		s.Fatal(err)
	}
	return &store{Store: o, s: s, db: c.DB}
}

// store is a store and its database.
type store struct {
	*eventstore.Store
	s  *subject
	db *sql.DB
}

// begin begins a transaction, which ends with the test.
func (b *store) begin() *sql.Tx {
	b.s.Helper()
	tx, err := b.db.BeginTx(b.s.Context(), nil)
	if err != nil {
		b.s.Fatal(err)
	}
	b.s.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

// append appends events with these IDs, whatever the version is.
func (b *store) append(stream string, ids ...string) {
	b.s.Helper()
	if _, err := b.Append(b.s.Context(), stream, eventstore.Any, eventsOf(ids...)...); err != nil {
		b.s.Fatal(err)
	}
}

// eventsOf returns events with these IDs.
func eventsOf(ids ...string) (all []eventbus.Event) {
	for _, id := range ids {
		all = append(all, eventbus.Event{ID: id, Type: "made", Data: []byte(`"` + id + `"`)})
	}
	return all
}

// all returns the IDs of all events, in order.
func (b *store) all() (ids []string) {
	b.s.Helper()
	for e, err := range b.All(b.s.Context(), 0) {
		if err != nil {
			b.s.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	return ids
}

// stream returns the IDs of the events of a stream, in order.
func (b *store) stream(name string) (ids []string) {
	b.s.Helper()
	for e, err := range b.Stream(b.s.Context(), name, 0) {
		if err != nil {
			b.s.Fatal(err)
		}
		ids = append(ids, e.ID)
		if e.Version != int64(len(ids)) || e.Stream != name {
			b.s.Errorf("event %d has version %d of stream %s", len(ids), e.Version, e.Stream)
		}
	}
	return ids
}

// follower records what Follow returns.
type follower struct {
	mu   sync.Mutex
	seen []eventstore.Event
}

// follow follows the store until stop, or the end of the test.
func (b *store) follow(after int64) (f *follower, stop func()) {
	f = &follower{}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for e, err := range b.Follow(ctx, after) {
			if err != nil {
				b.s.Errorf("Follow: %v", err)
				return
			}
			f.mu.Lock()
			f.seen = append(f.seen, e)
			f.mu.Unlock()
		}
	})
	stop = func() { cancel(); running.Wait() }
	b.s.Cleanup(stop)
	return f, stop
}

func (f *follower) events() []eventstore.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.seen)
}

func (f *follower) ids() (ids []string) {
	for _, e := range f.events() {
		ids = append(ids, e.ID)
	}
	return ids
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

// is checks that an error is of a class, and that its text has these parts.
func (s *subject) is(err, class error, parts ...string) {
	s.Helper()
	if !errors.Is(err, class) {
		s.Errorf("the error is %v, want one of %v", err, class)
		return
	}
	for _, part := range parts {
		if !contains(err, part) {
			s.Errorf("the error %q does not name %q", err, part)
		}
	}
}

// same checks a list.
func (s *subject) same(what string, got []string, want ...string) {
	s.Helper()
	if !slices.Equal(got, want) {
		s.Errorf("%s: got %q, want %q", what, got, want)
	}
}
