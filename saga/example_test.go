package saga_test

import (
	"context"
	"fmt"
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
	fmt.Println("refund if charged:", o.Charged)
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
	run := saga.New(Checkout, saga.NewMemory()) // or saga.SQL{DB: db}
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
	// refund if charged: false
	// release o-8
	// undone failed_precondition: saga checkout, run o-8, step pay: failed_precondition: the card is declined
}
