package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	_ "modernc.org/sqlite"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/outbox"
)

type Order struct {
	ID    string `json:"id"`
	Cents int    `json:"cents"`
}

var Placed = eventbus.Topic[Order]{Name: "order.placed", Key: func(o Order) string { return o.ID }}

type Orders struct {
	db  *sql.DB
	box *outbox.Outbox
}

func (s *Orders) Place(ctx context.Context, o Order) error {
	defer s.box.Wake()
	return s.within(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO orders VALUES (?, ?)`, o.ID, o.Cents)
		return errors.Join(err, Placed.Publish(ctx, s.box.In(tx), o))
	})
}

func (s *Orders) Book(ctx context.Context, o Order) error {
	return s.within(ctx, func(tx *sql.Tx) error {
		if isNew, err := s.box.IsNew(ctx, tx, "ledger"); err != nil || !isNew {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE ledger SET cents = cents + ?`, o.Cents)
		return err
	})
}

func (s *Orders) within(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	db, _ := sql.Open("sqlite", "file:"+filepath.Join(dir, "shop.db")+"?_txlock=immediate")
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, _ = db.ExecContext(ctx, `CREATE TABLE orders (id TEXT, cents INTEGER); CREATE TABLE ledger (cents INTEGER); INSERT INTO ledger VALUES (0)`)

	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	box, _ := outbox.New(outbox.Config{DB: db, Bus: bus})
	_ = box.Create(ctx)
	var running sync.WaitGroup
	running.Go(func() { box.Run(ctx) })

	orders := &Orders{db, box}
	_ = Placed.Handle(bus, "ledger", orders.Book)
	fmt.Println(orders.Place(ctx, Order{ID: "o-7", Cents: 500}))

	cancel() // Run sends what was written
	running.Wait()
	_ = bus.Close(context.Background())
	var cents int
	_ = db.QueryRow(`SELECT cents FROM ledger`).Scan(&cents)
	fmt.Println(cents, "cents")
	// Output:
	// <nil>
	// 500 cents
}
