package outbox_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/internal/testdatabase"
)

// filled writes and sends a few events, and then writes some that stay: two that wait, one
// that is due later, one that is parked, and one that was handled.
func filled(s *subject) {
	s.Helper()
	b := s.box(&bus{}, func(c *outbox.Config) { c.Resend = 0 })
	stop := b.run()
	b.write("made", "k", "sent-1", "sent-2", "sent-3")
	s.eventually("an empty outbox", func() bool { return b.stats().Waiting == 0 })
	stop()
	b.write("made", "k", "1", "2")
	b.within(func(tx *sql.Tx) error {
		if err := b.At(tx, time.Now().Add(-time.Hour)).Publish(s.Context(), "made", eventsOf("k", "due")...); err != nil {
			return err
		}
		_, err := tx.ExecContext(s.Context(), "INSERT INTO "+s.table+"_parked (n, topic, event, reason, at) VALUES (-1, 'made', '{}', 'too large', 1)")
		return err
	})
}

// checkRestored checks that the outbox of a restored database sends what waited in the
// other, and goes on.
func checkRestored(s *subject) {
	s.Helper()
	to := &bus{}
	b := s.box(to)
	b.run()
	b.write("made", "k", "new")
	s.eventually("all", func() bool { return to.count() == 4 })
	got := to.ids("k")
	slices.Sort(got)
	if want := []string{"1", "2", "due", "new"}; !slices.Equal(got, want) {
		s.Errorf("published: %q, want %q", got, want)
	}
	if parked, err := b.Parked(s.Context(), 9); err != nil || len(parked) != 1 {
		s.Errorf("parked: %v, %v", parked, err)
	}
}

func TestACopyOfASQLiteDatabaseLosesNothing(t *testing.T) {
	dir := t.TempDir()
	s := &subject{T: t, Database: testdatabase.Database{Driver: "sqlite", Source: "file:" + filepath.Join(dir, "a.db")}, table: "outbox"}
	filled(s)
	if _, err := s.Open(s).ExecContext(t.Context(), "VACUUM INTO ?", filepath.Join(dir, "b.db")); err != nil {
		t.Fatal(err)
	}
	s.Source = "file:" + filepath.Join(dir, "b.db")
	checkRestored(s)
}

func TestADumpOfPostgreSQLThatIsRestoredLosesNothing(t *testing.T) {
	s := &subject{T: t, Database: testdatabase.Postgres(realserver.Postgres(t)), table: "outbox"}
	filled(s)
	s.Database = s.Restored(t)
	checkRestored(s)
}

func TestAFullDatabaseRefusesTheChangeAndLosesNothing(t *testing.T) {
	s := &subject{T: t, Database: testdatabase.Database{Driver: "sqlite", Source: "file:" + filepath.Join(t.TempDir(), "full.db")}, table: "outbox"}
	to := &bus{}
	b := s.box(to)
	var pages int
	if err := b.db.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if _, err := b.db.ExecContext(t.Context(), fmt.Sprint("PRAGMA max_page_count = ", pages+4)); err != nil {
		t.Fatal(err)
	}
	written := 0
	for i := range 1000 {
		err := tryWrite(b, "k", fmt.Sprintf("%04d", i)+strings.Repeat("x", 500))
		if err != nil {
			if !strings.Contains(err.Error(), "outbox") || !strings.Contains(err.Error(), "full") {
				t.Errorf("it fails with %v", err)
			}
			break
		}
		written++
	}
	b.run()
	s.eventually("what was written", func() bool { return b.stats().Waiting == 0 })
	if to.count() != written || written == 0 || written == 1000 {
		t.Errorf("%d of %d events were published", to.count(), written)
	}
	b.write("made", "k", "again")
	s.eventually("the next one", func() bool { return to.count() == written+1 })
}

func TestADatabaseThatIsReadOnlyIsSaid(t *testing.T) {
	s := &subject{T: t, Database: testdatabase.Database{Driver: "sqlite", Source: "file:" + filepath.Join(t.TempDir(), "box.db")}, table: "outbox"}
	s.box(nil)
	s.Source += "?mode=ro"
	o, err := outbox.New(outbox.Config{DB: s.Open(s)})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Create(t.Context()); err == nil || !strings.Contains(err.Error(), "outbox") || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("it is created: %v", err)
	}
}
