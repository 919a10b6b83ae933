package saga_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"

	"github.com/sinew-go/sinew/internal/testdatabase"
	"github.com/sinew-go/sinew/saga"
)

// BenchmarkStep compares a step on SQLite with the two writes of rows that it needs, in one
// transaction. Runs have ten steps; their start, claim and end are part of the steps. One
// run goes on at a time, or sixteen.
func BenchmarkStep(b *testing.B) {
	b.Run("rows", func(b *testing.B) {
		db := benchmarkStore(b).DB
		for _, statement := range []string{
			`CREATE TABLE runs (id TEXT PRIMARY KEY, state BLOB)`, `INSERT INTO runs VALUES ('1', '{}')`,
			`CREATE TABLE history (id TEXT, n INTEGER, entry BLOB, PRIMARY KEY (id, n))`,
		} {
			if _, err := db.ExecContext(b.Context(), statement); err != nil {
				b.Fatal(err)
			}
		}
		for n := 0; b.Loop(); n++ {
			writeRows(b, db, n)
		}
	})
	for _, runs := range []int{1, 16} {
		b.Run(fmt.Sprintf("saga/runs=%d", runs), func(b *testing.B) { benchmarkRuns(b, runs) })
	}
}

func benchmarkStore(b *testing.B) saga.SQL {
	d := &database{Database: testdatabase.SQLite(b)}
	s := saga.SQL{DB: d.Open(b)}
	if err := s.Create(b.Context()); err != nil {
		b.Fatal(err)
	}
	return s
}

// writeRows writes the state of a run and an entry of its history.
func writeRows(b *testing.B, db *sql.DB, n int) {
	tx, err := db.BeginTx(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := tx.ExecContext(b.Context(), `UPDATE runs SET state = ? WHERE id = ?`, []byte(`{"id":"o-7","cents":500}`), "1"); err != nil {
		b.Fatal(err)
	}
	if _, err := tx.ExecContext(b.Context(), `INSERT INTO history (id, n, entry) VALUES (?, ?, ?)`, "1", n, []byte(`{"what":"done","step":"pay","time":"2026-01-01T00:00:00Z"}`)); err != nil {
		b.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
}

func benchmarkRuns(b *testing.B, atOnce int) {
	const steps = 10
	d := saga.Definition[Order]{Name: "checkout"}
	for i := range steps {
		d.Steps = append(d.Steps, saga.Step[Order]{Name: fmt.Sprint("step", i), Do: func(_ context.Context, o Order) (Order, error) { return o, nil }})
	}
	run := saga.New(d, benchmarkStore(b)).With(silent)
	stop := running(run.Run)
	defer stop()
	var all sync.WaitGroup
	places := make(chan struct{}, atOnce)
	b.ResetTimer()
	for n := range (b.N + steps - 1) / steps {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			id := fmt.Sprint("o-", n)
			if err := run.Start(b.Context(), id, Order{ID: id, Cents: 500}); err != nil {
				b.Error(err)
				return
			}
			if _, err := run.Wait(b.Context(), id); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
}
