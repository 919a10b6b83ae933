package eventstore_test

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/internal/testdatabase"
)

func TestNoOrderOfCommitsMakesAFollowerSkipAnEventOnPostgreSQL(t *testing.T) {
	commitInRandomOrder(t, testdatabase.Postgres(realserver.Postgres(t)))
}

func TestNoOrderOfCommitsMakesAFollowerSkipAnEventOnMariaDB(t *testing.T) {
	commitInRandomOrder(t, testdatabase.MariaDB(realserver.MariaDB(t)))
}

// open is a transaction that has appended.
type open struct {
	tx  *sql.Tx
	ids []string
}

// commitInRandomOrder checks a reader that goes on after the last position that it has seen,
// while transactions begin, append, commit and roll back in any order.
func commitInRandomOrder(t *testing.T, d testdatabase.Database) {
	s := &subject{T: t, Database: d, table: "random"}
	b := s.store()
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		after, err := b.Position(s.Context())
		if err != nil {
			t.Fatal(err)
		}
		var running []open
		var committed, seen []string
		before := map[string]int{} // how many events were committed when an event was written
		number := 0
		end := func(do func(*sql.Tx) error) open {
			i := rapid.IntRange(0, len(running)-1).Draw(t, "transaction")
			ended := running[i]
			running = slices.Delete(running, i, i+1)
			if err := do(ended.tx); err != nil {
				t.Fatal(err)
			}
			return ended
		}
		read := func() {
			for e, err := range b.All(s.Context(), after) {
				if err != nil {
					t.Fatal(err)
				}
				if e.Position <= after {
					t.Fatalf("position %d comes after %d", e.Position, after)
				}
				after, seen = e.Position, append(seen, e.ID)
			}
		}
		defer func() {
			for _, o := range running {
				_ = o.tx.Rollback()
			}
		}()
		for range rapid.IntRange(5, 40).Draw(t, "steps") {
			switch step := rapid.SampledFrom([]string{"begin", "begin", "append", "commit", "commit", "rollback", "read"}).Draw(t, "step"); {
			case step == "begin":
				tx, err := b.db.BeginTx(s.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				running = append(running, open{tx: tx})
			case step == "read":
				read()
			case len(running) == 0:
			case step == "append":
				i := rapid.IntRange(0, len(running)-1).Draw(t, "transaction")
				for range rapid.IntRange(1, 3).Draw(t, "events") {
					number++
					id := fmt.Sprint(round, "-", number)
					if _, err := b.In(running[i].tx).Append(s.Context(), "s"+id, eventstore.NoStream, eventsOf(id)...); err != nil {
						t.Fatal(err)
					}
					running[i].ids = append(running[i].ids, id)
					before[id] = len(committed)
				}
			case step == "commit":
				committed = append(committed, end((*sql.Tx).Commit).ids...)
			case step == "rollback":
				end((*sql.Tx).Rollback)
			}
		}
		read()
		missing := slices.DeleteFunc(slices.Clone(committed), func(id string) bool { return slices.Contains(seen, id) })
		if len(missing) > 0 || len(seen) != len(committed) {
			t.Fatalf("committed %q, and seen %q: missing %q", committed, seen, missing)
		}
		for place, id := range seen {
			for _, earlier := range committed[:before[id]] {
				if slices.Index(seen, earlier) > place {
					t.Fatalf("event %s comes before %s, which was committed before it was written: %q", id, earlier, seen)
				}
			}
		}
	})
}
