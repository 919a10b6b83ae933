package saga_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/realserver"
	"github.com/sinew-go/sinew/internal/testdatabase"
	"github.com/sinew-go/sinew/internal/testprocess"
	"github.com/sinew-go/sinew/saga"
)

// book is the state of a saga whose steps note their effects in a table.
type book struct {
	ID    string   `json:"id"`
	Steps []string `json:"steps"`
}

// effects is the table of effects: which steps of which runs have one.
type effects struct{ db *sql.DB }

// exec executes a statement of PostgreSQL or SQLite.
func (e effects) exec(ctx context.Context, statement string, args ...any) error {
	_, err := e.db.ExecContext(ctx, statement, args...)
	return err
}

// step has an effect, at random times, and fails at random.
func (e effects) step(name string) saga.Step[book] {
	wander := func() { <-time.After(rand.N(10 * time.Millisecond)) }
	return saga.Step[book]{
		Name: name,
		Do: func(ctx context.Context, b book) (book, error) {
			wander()
			if name == "ship" && strings.HasSuffix(b.ID, "0") {
				return b, fault.FailedPrecondition.Errorf("no carrier")
			}
			err := e.exec(ctx, `INSERT INTO effects (run, step) VALUES ($1, $2) ON CONFLICT (run, step) DO NOTHING`, b.ID, name)
			wander()
			if err == nil && rand.IntN(10) == 0 {
				err = fault.Unavailable.Errorf("the answer is lost")
			}
			b.Steps = append(b.Steps, name)
			return b, err
		},
		Undo: func(ctx context.Context, b book) (book, error) {
			wander()
			err := e.exec(ctx, `DELETE FROM effects WHERE run = $1 AND step = $2`, b.ID, name)
			wander()
			return b, err
		},
	}
}

func (e effects) definition() saga.Definition[book] {
	return saga.Definition[book]{Name: "book", Retry: saga.RetryPolicy{Attempts: 50, MaxBackoff: time.Second}, Steps: []saga.Step[book]{
		e.step("reserve"), {Name: "both", Parallel: []saga.Step[book]{
			{Name: "pay", Do: e.inBranch(e.step("pay").Do), Undo: e.step("pay").Undo},
			{Name: "pack", Do: e.inBranch(e.step("pack").Do), Undo: e.step("pack").Undo},
		}}, e.step("ship"),
	}}
}

// inBranch runs a step in a branch, where its changes of the state would contradict others.
func (e effects) inBranch(do func(context.Context, book) (book, error)) func(context.Context, book) (book, error) {
	return func(ctx context.Context, b book) (book, error) {
		_, err := do(ctx, b)
		return b, err
	}
}

// work works on runs until the process is killed.
func work(d testdatabase.Database) {
	db, err := d.Connect()
	if err != nil {
		panic(err)
	}
	p := quick()
	p.Lease = time.Second
	saga.New(effects{db}.definition(), saga.SQL{DB: db}).With(p).Run(context.Background())
}

func TestRunsEndWellWhenWorkersAreKilledOnSQLite(t *testing.T) { killWorkers(t, sqlite(t), nil) }

func TestRunsEndWellWhenWorkersAndPostgreSQLAreKilled(t *testing.T) {
	server := realserver.Postgres(t)
	killWorkers(t, &database{Database: testdatabase.Postgres(server)}, func() { server.Kill(); server.Start() })
}

// killWorkers starts runs while two processes work on them, of which one after the other is
// killed, and restart, if it is not nil, kills the database.
func killWorkers(t *testing.T, d *database, restart func()) {
	kills := 6
	if seconds, err := strconv.Atoi(os.Getenv("SINEW_KILL_SECONDS")); err == nil {
		kills = seconds
	}
	store := saga.SQL{DB: d.Open(t)}
	e := effects{store.DB}
	if err := errors.Join(store.Create(t.Context()), e.exec(t.Context(), `CREATE TABLE effects (run VARCHAR(50), step VARCHAR(50), PRIMARY KEY (run, step))`)); err != nil {
		t.Fatal(err)
	}
	workers := []*exec.Cmd{testprocess.Start(t, d.Database), testprocess.Start(t, d.Database)}
	run := saga.New(e.definition(), store).With(quick())
	started := 0
	start := func() {
		id := fmt.Sprintf("r-%d", started)
		if run.Start(t.Context(), id, book{ID: id}) == nil { // else it is tried again, since it may have started
			started++
		}
	}
	for i := range kills {
		for end := time.Now().Add(100*time.Millisecond + rand.N(500*time.Millisecond)); time.Now().Before(end); <-time.After(rand.N(20 * time.Millisecond)) {
			start()
		}
		testprocess.Kill(t, workers[i%2])
		workers[i%2] = testprocess.Start(t, d.Database)
		if restart != nil && i%3 == 1 {
			restart()
		}
	}
	undone := 0
	for i := range started {
		id := fmt.Sprintf("r-%d", i)
		end, err := run.Wait(within60(t), id)
		if end.Phase != saga.Done && end.Phase != saga.Undone {
			t.Fatalf("run %s is %s (%v); %+v", id, end.Phase, err, end)
		}
		var n int
		if err := store.DB.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM effects WHERE run = $1`, id).Scan(&n); err != nil {
			t.Fatal(err)
		}
		isUndone := strings.HasSuffix(id, "0")
		if isUndone {
			undone++
		}
		if isUndone != (end.Phase == saga.Undone) || n != map[bool]int{false: 4, true: 0}[isUndone] {
			t.Errorf("run %s is %s with %d effects; %+v", id, end.Phase, n, end.History)
		}
	}
	t.Logf("%d runs, %d of them undone, %d kills", started, undone, kills)
}
