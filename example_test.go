package sinew_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/internal/servicetest/stock"
	"github.com/sinew-go/sinew/metrics"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/retry"
)

func Example() {
	ctx := context.Background()
	reg := registry.NewMemory()

	svc := sinew.New("inventory", sinew.Config{Version: "1.4.0", Addr: "127.0.0.1:0", Registry: reg, Logger: slog.New(slog.DiscardHandler)})
	api.Reserve.Handle(svc, stock.Reserve)
	api.GetStock.Handle(svc, stock.Get)
	fmt.Println(svc.Start(ctx)) // a program calls svc.Main() instead
	defer svc.Shutdown(ctx)

	shop := sinew.New("shop", sinew.Config{Registry: reg, Logger: slog.New(slog.DiscardHandler)})
	defer shop.Shutdown(ctx)
	inventory := shop.Client("inventory")
	reserve := api.Reserve.Endpoint(inventory)
	got, err := reserve(ctx, &api.ReserveRequest{ProductID: "p-1", Quantity: 2})
	fmt.Println(got.Available, err)

	_, err = reserve(ctx, &api.ReserveRequest{ProductID: "p-9", Quantity: 2})
	fmt.Println(errors.Is(err, fault.NotFound), err)
	// Output:
	// <nil>
	// 8 <nil>
	// true not_found: no product has the id "p-9"
}

func Example_parts() {
	call := func(context.Context, *api.StockRequest) (*api.Inventory, error) {
		return &api.Inventory{Available: 7}, nil
	}

	red := metrics.New(prometheus.NewRegistry()) // or prometheus.DefaultRegisterer
	ep := endpoint.New(call).With(
		red.ClientMiddleware("orders.Place"),
		retry.Policy{Attempts: 3}.Middleware(),
		breaker.New("orders", breaker.Policy{}).Middleware(),
		endpoint.Timeout(time.Second),
	)
	got, err := ep(context.Background(), &api.StockRequest{})
	fmt.Println(got.Available, err)
	// Output: 7 <nil>
}

func ExampleExplain() {
	svc := sinew.New("shop", sinew.Config{Logger: slog.New(slog.DiscardHandler), Static: map[string][]string{"inventory": {"http://10.0.0.1:80", "http://10.0.0.2:80"}}})
	defer svc.Shutdown(context.Background())
	tries := 0
	send := func(context.Context, string) error { // stands in for the network
		if tries++; tries == 1 {
			return fault.Unavailable.Errorf("connection refused")
		}
		return nil
	}
	ctx, why := sinew.Explain(context.Background())
	err := svc.Client("inventory").Call(ctx, call.Operation{Name: "GET /inventory/{product_id}", Safe: true}, send)
	fmt.Println(err)
	for _, call := range why.Calls() { // or print why: the same in sentences
		for _, step := range call.Steps {
			fmt.Println(step.Attempt, step.Err, len(step.Situation.Candidates), "candidates, breaker", step.Situation.Breaker)
		}
	}

	err = svc.Client("inventory").Call(context.Background(), call.Operation{Name: "DELETE /inventory"}, func(context.Context, string) error {
		return fault.Internal.Errorf("out of shelves")
	})
	trail, _ := errors.AsType[*call.Trail](err) // there without Explain, too
	fmt.Println(len(trail.Steps), trail.Err)
	// Output:
	// <nil>
	// 1 unavailable: connection refused 2 candidates, breaker closed
	// 2 <nil> 2 candidates, breaker closed
	// 1 internal: out of shelves
}

// A stream of events ends by itself, in order, when the service stops.
func ExampleService_Stopping() {
	svc := sinew.New("feed", sinew.Config{Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	svc.Handle("GET /events", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for n := 1; ; n++ {
			_, _ = fmt.Fprintf(w, "data: %d\n\n", n)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(time.Hour): // until there is news
			case <-svc.Stopping():
				return
			case <-r.Context().Done():
				return
			}
		}
	}))
	if err := svc.Start(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	answer, err := http.Get(svc.URL() + "/events")
	if err != nil {
		fmt.Println(err)
		return
	}
	stopped := make(chan error)
	go func() { stopped <- svc.Shutdown(context.Background()) }()
	all, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	fmt.Printf("%q, %v, %v\n", all, err, <-stopped)
	// Output: "data: 1\n\n", <nil>, <nil>
}

func ExampleService_Publish() {
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	svc := sinew.New("inventory", sinew.Config{Addr: "127.0.0.1:0", Bus: bus, Logger: slog.New(slog.DiscardHandler)})
	ctx := context.Background()
	_ = api.LowStock.Handle(svc, "buyer", func(_ context.Context, e api.StockEvent) error {
		fmt.Println("buy more of", e.ProductID)
		return nil
	})
	_ = svc.Start(ctx)
	_ = api.LowStock.Publish(ctx, svc, api.StockEvent{ProductID: "p-1"})
	_ = svc.Shutdown(ctx)
	_ = bus.Close(ctx)
	// Output: buy more of p-1
}
