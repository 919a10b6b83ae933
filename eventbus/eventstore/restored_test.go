package eventstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/realserver"
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
	s := &subject{T: t, driver: "sqlite", source: "file:" + filepath.Join(dir, "a.db"), table: "restored"}
	fill(s)
	if _, err := s.open().ExecContext(t.Context(), "VACUUM INTO ?", filepath.Join(dir, "b.db")); err != nil {
		t.Fatal(err)
	}
	s.source = "file:" + filepath.Join(dir, "b.db")
	checkRestored(s)
}

func TestADumpOfPostgreSQLThatIsRestoredGoesOn(t *testing.T) {
	server := realserver.Postgres(t)
	s := &subject{T: t, driver: "pgx", source: server.Addr, table: "restored"}
	fill(s)
	tool := func(name string) string {
		path, err := exec.LookPath(filepath.Join(filepath.Dir(os.Getenv("SINEW_POSTGRES")), name))
		if err != nil {
			path, err = exec.LookPath(name)
		}
		switch {
		case err != nil && os.Getenv("SINEW_REQUIRE_SERVERS") == "1":
			t.Fatal(err)
		case err != nil:
			t.Skipf("this test needs %s beside the server: %v", name, err)
		}
		return path
	}
	dump, err := exec.Command(tool("pg_dump"), "--dbname", server.Addr).Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.open().ExecContext(t.Context(), "CREATE DATABASE restored"); err != nil {
		t.Fatal(err)
	}
	s.source = strings.Replace(server.Addr, "/postgres?", "/restored?", 1)
	restore := exec.Command(tool("psql"), "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", s.source)
	restore.Stdin = bytes.NewReader(dump)
	if out, err := restore.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	checkRestored(s)
}

func TestAFullDatabaseRefusesAnAppendAndLosesNothing(t *testing.T) {
	s := &subject{T: t, driver: "sqlite", source: "file:" + filepath.Join(t.TempDir(), "full.db"), table: "full"}
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
	s := &subject{T: t, driver: "sqlite", source: "file:" + filepath.Join(t.TempDir(), "store.db"), table: "readonly"}
	fill(s)
	s.source += "?mode=ro"
	readOnly, err := eventstore.New(eventstore.Config{DB: s.open(), Table: s.table, Logger: slog.New(slog.DiscardHandler)})
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
	s := &subject{T: t, driver: "sqlite", source: "file:x?mode=memory"}
	db := s.open()
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
	store, err := eventstore.New(eventstore.Config{DB: (&subject{T: t, driver: "sqlite", source: "file:y?mode=memory"}).open()})
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
