package saga_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga"
)

// counter is a saga of one step.
var counter = saga.Definition[int]{Name: "counter", Steps: []saga.Step[int]{
	{Name: "add", Do: func(_ context.Context, n int) (int, error) { return n + 1, nil }},
}}

// databaseRules are promises of the SQL store beyond those of every store.
var databaseRules = []struct {
	name  string
	check func(t *testing.T, d *database)
}{
	{"a run starts with the transaction in which it is started", func(t *testing.T, d *database) {
		store := d.store(t)
		run := saga.New(counter, store).With(quick())
		stop := running(run.Run)
		defer stop()
		within := func(id string, state int, commit bool) error {
			tx, err := store.DB.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback() }()
			if err := run.Using(store.In(tx)).Start(t.Context(), id, state); err != nil || !commit {
				return err
			}
			return tx.Commit()
		}
		if err := within("1", 1, true); err != nil {
			t.Fatal(err)
		}
		run.Wake()
		if end, err := run.Wait(within60(t), "1"); err != nil || end.State != 2 {
			t.Errorf("the run is %+v (%v), want state 2", end, err)
		}
		if err := within("2", 1, false); err != nil {
			t.Fatal(err)
		}
		if _, err := run.Get(t.Context(), "2"); !errors.Is(err, fault.NotFound) {
			t.Errorf("the run of a transaction that is undone is there: %v", err)
		}
		if err := within("1", 1, true); err != nil {
			t.Errorf("the same run again is %v, want nil", err)
		}
		if err := within("1", 7, true); !errors.Is(err, fault.AlreadyExists) {
			t.Errorf("the same ID with another state is %v, want already_exists", err)
		}
	}},
	{"tables may be created again, and by several at once", func(t *testing.T, d *database) {
		store := d.store(t)
		done := make(chan error)
		for range 4 {
			other := saga.SQL{DB: d.Open(t), Table: store.Table + "x"}
			go func() { done <- other.Create(context.Background()) }()
		}
		for range 4 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}},
	{"a missing table is an error that names it, and Run goes on when it is there", func(t *testing.T, d *database) {
		store := saga.SQL{DB: d.Open(t), Table: "missing"}
		run := saga.New(counter, store).With(quick())
		stop := running(run.Run)
		defer stop()
		if err := run.Start(t.Context(), "1", 1); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "missing_…") {
			t.Errorf("the error is %v, want one that names the tables", err)
		}
		if err := store.Create(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := run.Start(t.Context(), "1", 1); err != nil {
			t.Fatal(err)
		}
		if _, err := run.Wait(within60(t), "1"); err != nil {
			t.Error(err)
		}
	}},
	{"runs that have ended can be forgotten", func(t *testing.T, d *database) {
		store := d.store(t)
		run := saga.New(counter, store).With(quick())
		stop := running(run.Run)
		if err := run.Start(t.Context(), "1", 1); err != nil {
			t.Fatal(err)
		}
		if _, err := run.Wait(within60(t), "1"); err != nil {
			t.Fatal(err)
		}
		stop()
		if err := run.Start(t.Context(), "2", 1); err != nil {
			t.Fatal(err)
		}
		if err := store.Forget(t.Context(), "counter", time.Hour); err != nil {
			t.Fatal(err)
		}
		if _, err := run.Get(t.Context(), "1"); err != nil {
			t.Errorf("a run of this hour: %v", err)
		}
		if err := store.Forget(t.Context(), "counter", 0); err != nil {
			t.Fatal(err)
		}
		if _, err := run.Get(t.Context(), "1"); !errors.Is(err, fault.NotFound) {
			t.Errorf("a run that was forgotten: %v, want not_found", err)
		}
		if _, err := run.Get(t.Context(), "2"); err != nil {
			t.Errorf("a run that has not ended: %v", err)
		}
	}},
}

// running runs f until stop is called.
func running(f func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f(ctx) }()
	return func() { cancel(); <-done }
}

// within60 returns a context for what must not take forever.
func within60(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestAReadOnlyDatabaseIsNamedAndNothingIsLost(t *testing.T) {
	d := sqlite(t)
	store := d.store(t)
	run := saga.New(counter, store).With(quick())
	if err := run.Start(t.Context(), "1", 1); err != nil {
		t.Fatal(err)
	}
	if _, err := store.DB.ExecContext(t.Context(), "PRAGMA query_only = 1"); err != nil {
		t.Fatal(err)
	}
	stop := running(run.Run)
	defer stop()
	if err := run.Start(t.Context(), "2", 1); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "counter, run 2") {
		t.Errorf("the error is %v, want one that names saga and run", err)
	}
	if err := run.Cancel(t.Context(), "1"); !errors.Is(err, fault.Unavailable) {
		t.Errorf("the error is %v, want unavailable", err)
	}
	if _, err := store.DB.ExecContext(t.Context(), "PRAGMA query_only = 0"); err != nil {
		t.Fatal(err)
	}
	if end, err := run.Wait(within60(t), "1"); err != nil || end.State != 2 {
		t.Errorf("the run is %+v (%v), want state 2", end, err)
	}
}

func TestAStoreWithoutADatabaseSaysSo(t *testing.T) {
	run := saga.New(counter, saga.SQL{})
	for what, err := range map[string]error{"Start": run.Start(t.Context(), "1", 1), "Cancel": run.Cancel(t.Context(), "1"), "Create": saga.SQL{}.Create(t.Context())} {
		if !errors.Is(err, fault.FailedPrecondition) || !strings.Contains(err.Error(), "DB is nil") {
			t.Errorf("%s without a database is %v, want one that says so", what, err)
		}
	}
}
