package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/examples/inventory/api"
	"github.com/sinew-go/sinew/examples/inventory/stock"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/metrics"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/retry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A service of the same contract, and a client of it.
func Example() {
	ctx := context.Background()
	reg := registry.NewMemory()
	served := sinew.New("inventory", sinew.Config{Version: "1.4.0", Registry: reg, Addr: "127.0.0.1:0"})
	api.Reserve.Handle(served, stock.Reserve)
	api.GetStock.Handle(served, stock.Get)
	if err := served.Start(ctx); err != nil {
		fmt.Println(err)
	}
	defer served.Shutdown(ctx)

	svc := sinew.New("shop", sinew.Config{Registry: reg})
	defer svc.Shutdown(ctx)

	inventory := svc.Client("inventory")       // discovery, balancing, outlier ejection, breaker, budgeted
	reserve := api.Reserve.Endpoint(inventory) // retry, deadline, trace, metrics, request id: all on
	got, err := reserve(ctx, &api.ReserveRequest{ProductID: "p-1", Quantity: 2})
	fmt.Println(got.Available, err)

	_, err = reserve(ctx, &api.ReserveRequest{ProductID: "p-9", Quantity: 2})
	if errors.Is(err, fault.NotFound) { // the error crossed the wire as itself
		fmt.Println(err)
	}
	_, err = reserve(ctx, &api.ReserveRequest{ProductID: "p-1"})
	fmt.Println(err)
	// Output:
	// 8 <nil>
	// not_found: no product has the id "p-9"
	// invalid_argument: quantity must be at least 1
}

// Every part works alone.
func Example_parts() {
	call := func(_ context.Context, id string) (string, error) { return "placed " + id, nil }

	red := metrics.New(prometheus.DefaultRegisterer)
	ep := endpoint.New(call).With(
		red.ClientMiddleware("orders.Place"),
		retry.Policy{Attempts: 3}.Middleware(),
		breaker.New("orders", breaker.Policy{}).Middleware(),
		endpoint.Timeout(time.Second),
	)
	fmt.Println(ep(context.Background(), "o-7"))
	// Output: placed o-7 <nil>
}
