package eventstore_test

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/internal/testdatabase"
)

// withSnapshots are counters with snapshots.
func withSnapshots() eventstore.Aggregate[Counter] {
	a := counters
	a.SnapshotEvery = 2
	return a
}

// fill appends events, some of which a projection has handled, and some of which no reader
// has seen.
func fill(s *subject) {
	s.Helper()
	b := s.store()
	p := b.projector(s.sums(1, 1, nil))
	stop := b.run(p)
	for range 5 {
		if _, err := add(s.Context(), withSnapshots(), b.Store, "a", 1); err != nil {
			s.Fatal(err)
		}
	}
	b.projects(p, map[string]int{"a": 5})
	stop()
	b.add("a", 2)
	b.add("b", 3)
}

// checkRestored checks that the store of a restored database goes on.
func checkRestored(s *subject) {
	s.Helper()
	b := s.store()
	b.loads(withSnapshots(), "a", Counter{7, 6})
	b.loads(counters, "a", Counter{7, 6})
	p := b.projector(s.sums(1, 1, nil))
	b.run(p)
	b.projects(p, map[string]int{"a": 7, "b": 3})
	b.add("b", 4)
	b.projects(p, map[string]int{"a": 7, "b": 7})
	if position, err := b.Position(s.Context()); err != nil || position != 8 {
		s.Errorf("the last position is %d, %v; want 8", position, err)
	}
	_, err := b.Append(s.Context(), "counter/b", 1, eventsOf("x")...)
	s.is(err, fault.Aborted, "version 2")
}

func TestACopyOfASQLiteDatabaseGoesOn(t *testing.T) {
	dir := t.TempDir()
	s := &subject{T: t, Database: testdatabase.Database{Driver: "sqlite", Source: "file:" + filepath.Join(dir, "a.db")}, table: "restored"}
	fill(s)
	if _, err := s.Open(s).ExecContext(t.Context(), "VACUUM INTO ?", filepath.Join(dir, "b.db")); err != nil {
		t.Fatal(err)
	}
	s.Source = "file:" + filepath.Join(dir, "b.db")
	checkRestored(s)
}

func TestADumpOfPostgreSQLThatIsRestoredGoesOn(t *testing.T) {
	s := &subject{T: t, Database: testdatabase.Postgres(realserver.Postgres(t)), table: "restored"}
	fill(s)
	s.Database = s.Restored(t)
	checkRestored(s)
}

func TestAFullDatabaseRefusesAnAppendAndLosesNothing(t *testing.T) {
	s := &subject{T: t, Database: testdatabase.Database{Driver: "sqlite", Source: "file:" + filepath.Join(t.TempDir(), "full.db")}, table: "full"}
	b := s.store()
	p := b.projector(s.sums(1, 1, nil))
	var pages int
	if err := b.db.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if _, err := b.db.ExecContext(t.Context(), fmt.Sprint("PRAGMA max_page_count = ", pages+4)); err != nil {
		t.Fatal(err)
	}
	n := 0
	var err error
	for ; err == nil && n < 1000; n++ {
		_, err = add(t.Context(), counters, b.Store, "a", 1)
	}
	if n--; n == 0 || !contains(err, "eventstore full") || !contains(err, "is full") {
		t.Errorf("after %d events: %v", n, err)
	}
	b.loads(counters, "a", Counter{n, n})
	b.run(p)
	if _, err := b.db.ExecContext(t.Context(), fmt.Sprint("PRAGMA max_page_count = ", pages+100)); err != nil {
		t.Fatal(err)
	}
	b.projects(p, map[string]int{"a": n})
	b.add("a", 1)
	b.projects(p, map[string]int{"a": n + 1})
}

func TestADatabaseThatIsReadOnlyIsReadAndRefusesTheRest(t *testing.T) {
	s := &subject{T: t, Database: testdatabase.Database{Driver: "sqlite", Source: "file:" + filepath.Join(t.TempDir(), "store.db")}, table: "readonly"}
	fill(s)
	s.Source += "?mode=ro"
	readOnly, err := eventstore.New(eventstore.Config{DB: s.Open(s), Table: s.table, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	(&store{Store: readOnly, s: s}).loads(counters, "a", Counter{7, 6})
	_, err = add(t.Context(), counters, readOnly, "a", 1)
	if !contains(err, "eventstore readonly") || !contains(err, "readonly database") {
		t.Errorf("an update: %v", err)
	}
	if err := readOnly.Create(t.Context()); !contains(err, "eventstore readonly") {
		t.Errorf("Create: %v", err)
	}
}

func TestWrongSettingsAreRefusedByName(t *testing.T) {
	s := &subject{T: t, Database: testdatabase.Database{Driver: "sqlite", Source: "file:x?mode=memory"}}
	db := s.Open(s)
	for setting, c := range map[string]eventstore.Config{
		"DB":    {},
		"Poll":  {DB: db, Poll: -1},
		"Lease": {DB: db, Lease: time.Millisecond},
	} {
		if _, err := eventstore.New(c); !errors.Is(err, fault.InvalidArgument) || !contains(err, setting) {
			t.Errorf("%s: %v", setting, err)
		}
	}
	store, err := eventstore.New(eventstore.Config{DB: db, Table: "missing"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := add(t.Context(), counters, store, "a", 1); !contains(err, "eventstore missing") || !contains(err, "no such table") {
		t.Errorf("without tables: %v", err)
	}
}

func TestAProjectionThatContradictsItselfPanics(t *testing.T) {
	store, err := eventstore.New(eventstore.Config{DB: testdatabase.Database{Driver: "sqlite", Source: "file:y?mode=memory"}.Open(t)})
	if err != nil {
		t.Fatal(err)
	}
	good := (&subject{}).sums(1, 1, nil)
	for what, spoil := range map[string]func(*eventstore.Projection){
		"no name":      func(p *eventstore.Projection) { p.Name = "" },
		"a quote":      func(p *eventstore.Projection) { p.Name = "a'b" },
		"a version":    func(p *eventstore.Projection) { p.Version = -1 },
		"no handler":   func(p *eventstore.Projection) { p.Handlers = nil },
		"two handlers": func(p *eventstore.Projection) { p.Handlers = append(p.Handlers, p.Handlers...) },
		"an empty one": func(p *eventstore.Projection) { p.Handlers = []eventstore.Handler{{}} },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: it does not panic", what)
				}
			}()
			p := good
			spoil(&p)
			store.Project(p)
		}()
	}
}
