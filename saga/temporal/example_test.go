package temporal_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/sinew-go/sinew/saga"
	"github.com/sinew-go/sinew/saga/temporal"
)

// Basket is the state of a purchase.
type Basket struct {
	ID string `json:"id"`
}

func reserve(_ context.Context, b Basket) (Basket, error) { return b, nil }
func release(_ context.Context, b Basket) (Basket, error) { return b, nil }
func ship(_ context.Context, b Basket) (Basket, error)    { return b, nil }

var Purchase = saga.Definition[Basket]{Name: "purchase", Steps: []saga.Step[Basket]{
	{Name: "reserve", Do: reserve, Undo: release},
	{Name: "ship", Do: ship},
}}

// The server of this example is away: the worker waits for it, and Start returns an error.
func Example() {
	noLogs := slog.New(slog.DiscardHandler)
	c, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1", Logger: log.NewStructuredLogger(noLogs)})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	run := temporal.New(Purchase, c).With(temporal.Policy{Logger: noLogs})

	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	fmt.Println(run.Start(ctx, "b-7", Basket{ID: "b-7"}) == nil)
	run.Run(ctx) // in a service: svc.Go(run.Run)
	// Output: false
}

// Where the runs are may be chosen at run time.
func Example_choice() {
	runs := func(c client.Client) saga.Runner[Basket] {
		if c == nil {
			return saga.New(Purchase, saga.NewMemory())
		}
		return temporal.New(Purchase, c)
	}
	err := runs(nil).Start(context.Background(), "b-7", Basket{ID: "b-7"})
	fmt.Println(err)
	// Output: <nil>
}
