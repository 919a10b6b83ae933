package saga_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/saga"
)

// Order is the state of a checkout.
type Order struct {
	ID      string `json:"id"`
	Cents   int    `json:"cents"`
	Charged bool   `json:"charged"`
	Receipt string `json:"receipt"`
}

func reserve(_ context.Context, o Order) (Order, error) {
	fmt.Println("reserve", o.ID)
	return o, nil
}

func release(_ context.Context, o Order) (Order, error) {
	fmt.Println("release", o.ID)
	return o, nil
}

func pay(_ context.Context, o Order) (Order, error) {
	if o.Cents > 1000 {
		return o, fault.FailedPrecondition.Errorf("the card is declined")
	}
	o.Charged = true
	return o, nil
}

func refund(_ context.Context, o Order) (Order, error) {
	fmt.Println("refund what was charged for", o.ID)
	return o, nil
}

func ship(_ context.Context, o Order) (Order, error) {
	fmt.Println("ship", o.ID)
	return o, nil
}

var Checkout = saga.Definition[Order]{Name: "checkout", Steps: []saga.Step[Order]{
	{Name: "reserve", Do: reserve, Undo: release},
	{Name: "pay", Do: pay, Undo: refund, Timeout: time.Minute},
	{Name: "ship", Do: ship},
}}

func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	run := saga.New(Checkout, saga.NewMemory())
	var running sync.WaitGroup
	running.Go(func() { run.Run(ctx) }) // in a service: svc.Go(run.Run)

	_ = run.Start(ctx, "o-7", Order{ID: "o-7", Cents: 500})
	end, err := run.Wait(ctx, "o-7")
	fmt.Println(end.Phase, end.State.Charged, err)

	_ = run.Start(ctx, "o-8", Order{ID: "o-8", Cents: 5000})
	end, err = run.Wait(ctx, "o-8")
	fmt.Println(end.Phase, err)

	cancel()
	running.Wait()
	// Output:
	// reserve o-7
	// ship o-7
	// done true <nil>
	// reserve o-8
	// refund what was charged for o-8
	// release o-8
	// undone failed_precondition: the card is declined: saga checkout, run o-8, step pay
}

// Orders places orders.
type Orders struct {
	store saga.SQL
	run   *saga.Local[Order]
}

func (s *Orders) Place(ctx context.Context, o Order) error {
	defer s.run.Wake()
	tx, err := s.store.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(ctx, `INSERT INTO orders VALUES (?, ?)`, o.ID, o.Cents)
	if err := errors.Join(err, s.run.Using(s.store.In(tx)).Start(ctx, o.ID, o)); err != nil {
		return err
	}
	return tx.Commit()
}

func ExampleLocal_Using() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	db, _ := sql.Open("sqlite", "file:"+filepath.Join(dir, "shop.db")+"?_txlock=immediate")
	defer db.Close()
	db.SetMaxOpenConns(1)
	ctx, cancel := context.WithCancel(context.Background())
	_, _ = db.ExecContext(ctx, `CREATE TABLE orders (id TEXT, cents INTEGER)`)

	store := saga.SQL{DB: db}
	_ = store.Create(ctx)
	run := saga.New(Checkout, store)
	var running sync.WaitGroup
	running.Go(func() { run.Run(ctx) })

	orders := &Orders{store, run}
	fmt.Println(orders.Place(ctx, Order{ID: "o-7", Cents: 500}))
	end, err := run.Wait(ctx, "o-7")
	fmt.Println(end.Phase, err)

	cancel()
	running.Wait()
	// Output:
	// <nil>
	// reserve o-7
	// ship o-7
	// done <nil>
}

func ExampleOn() {
	ctx, cancel := context.WithCancel(context.Background())
	type Paid struct{ Receipt string }
	run := saga.New(saga.Definition[Order]{Name: "checkout", Steps: []saga.Step[Order]{
		{Name: "reserve", Do: reserve, Undo: release},
		{Name: "paid", Timeout: 24 * time.Hour, Event: saga.On(func(_ context.Context, o Order, e Paid) (Order, error) {
			o.Receipt = e.Receipt
			return o, nil
		})},
		{Name: "both", Parallel: []saga.Step[Order]{
			{Name: "ship", Do: ship},
			{Name: "remind", Pause: time.Millisecond},
		}},
	}}, saga.NewMemory())
	var running sync.WaitGroup
	running.Go(func() { run.Run(ctx) })

	_ = run.Start(ctx, "o-7", Order{ID: "o-7"})
	_ = run.Deliver(ctx, "o-7", "paid", Paid{Receipt: "r-1"})
	end, err := run.Wait(ctx, "o-7")
	fmt.Println(end.Phase, end.State.Receipt, err)

	cancel()
	running.Wait()
	// Output:
	// reserve o-7
	// ship o-7
	// done r-1 <nil>
}

func ExampleTCC() {
	step := func(what string) func(context.Context, Order) (Order, error) {
		return func(_ context.Context, o Order) (Order, error) { fmt.Println(what); return o, nil }
	}
	steps := saga.TCC(
		saga.Participant[Order]{Name: "stock", Try: step("reserve"), Confirm: step("sell"), Cancel: step("release")},
		saga.Participant[Order]{Name: "money", Try: step("authorize"), Confirm: step("capture"), Cancel: step("void")},
	)
	ctx, cancel := context.WithCancel(context.Background())
	run := saga.New(saga.Definition[Order]{Name: "checkout", Steps: steps}, saga.NewMemory())
	var running sync.WaitGroup
	running.Go(func() { run.Run(ctx) })

	_ = run.Start(ctx, "o-7", Order{ID: "o-7"})
	end, _ := run.Wait(ctx, "o-7")
	fmt.Println(end.DoneSteps)

	cancel()
	running.Wait()
	// Output:
	// reserve
	// authorize
	// sell
	// capture
	// [try try/stock try/money confirm confirm/stock confirm/money]
}

func ExampleSub() {
	type Trip struct{ Hotel, Flight Order }
	booking := saga.Definition[Order]{Steps: []saga.Step[Order]{{Name: "reserve", Do: reserve, Undo: release}}}
	trip := saga.Definition[Trip]{Name: "trip", Steps: []saga.Step[Trip]{
		saga.Sub("hotel", booking, func(t Trip) Order { return t.Hotel }, func(t Trip, o Order) Trip { t.Hotel = o; return t }),
		saga.Sub("flight", booking, func(t Trip) Order { return t.Flight }, func(t Trip, o Order) Trip { t.Flight = o; return t }),
	}}
	ctx, cancel := context.WithCancel(context.Background())
	run := saga.New(trip, saga.NewMemory())
	var running sync.WaitGroup
	running.Go(func() { run.Run(ctx) })

	_ = run.Start(ctx, "t-1", Trip{Hotel: Order{ID: "h-1"}, Flight: Order{ID: "f-1"}})
	end, _ := run.Wait(ctx, "t-1")
	fmt.Println(end.Phase)

	cancel()
	running.Wait()
	// Output:
	// reserve h-1
	// reserve f-1
	// done
}
