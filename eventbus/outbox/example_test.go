package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/outbox"
)

type order struct {
	ID    string `json:"id"`
	Cents int    `json:"cents"`
}

var placed = eventbus.Topic[order]{Name: "order.placed", Key: func(o order) string { return o.ID }}

func Example() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	db, _ := sql.Open("sqlite", "file:"+filepath.Join(dir, "shop.db")+"?_txlock=immediate")
	defer db.Close()
	db.SetMaxOpenConns(1)
	ctx, cancel := context.WithCancel(context.Background())

	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	box, _ := outbox.New(outbox.Config{DB: db, Bus: bus})
	_ = box.Create(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); box.Run(ctx) }()

	_, _ = db.ExecContext(ctx, `CREATE TABLE ledger (cents INTEGER)`)
	booked := make(chan struct{})
	_ = placed.Handle(bus, "ledger", func(ctx context.Context, o order) error {
		defer close(booked)
		return within(ctx, db, func(tx *sql.Tx) error {
			if isNew, err := box.IsNew(ctx, tx, "ledger"); err != nil || !isNew {
				return err
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO ledger VALUES (?)`, o.Cents)
			return err
		})
	})

	_ = within(ctx, db, func(tx *sql.Tx) error {
		return placed.Publish(ctx, box.In(tx), order{ID: "o-7", Cents: 500})
	})
	box.Wake()
	<-booked
	_ = bus.Close(ctx)

	var cents int
	_ = db.QueryRowContext(ctx, `SELECT SUM(cents) FROM ledger`).Scan(&cents)
	fmt.Println(cents, "cents")
	cancel()
	<-ended
	// Output: 500 cents
}

func within(ctx context.Context, db *sql.DB, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}
