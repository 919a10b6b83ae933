package breaker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

func Example() {
	down := endpoint.New(func(context.Context, int) (string, error) {
		return "", fault.Unavailable.Errorf("connection refused")
	})
	orders := breaker.New("orders", breaker.Consecutive)
	place := down.With(orders.Middleware())

	for range 6 {
		_, err := place(context.Background(), 7)
		fmt.Println(err)
	}
	// Output:
	// unavailable: connection refused
	// unavailable: connection refused
	// unavailable: connection refused
	// unavailable: connection refused
	// unavailable: connection refused
	// unavailable: the breaker of orders is open; next try in 1m0s (breaker_open)
}

func ExampleCircuit_Changes() {
	orders := breaker.New("orders", breaker.Policy{FailureThreshold: 1})
	ctx, cancel := context.WithCancel(context.Background())
	changes := orders.Changes(ctx) // usually read in a goroutine

	permit, err := orders.Allow(ctx)
	if err == nil {
		permit.Done(ctx, errors.New("no answer"))
	}
	orders.ForceClosed()
	cancel()
	for c := range changes {
		fmt.Println(c.Name, c.From, "->", c.To, c.Forced)
	}
	// Output:
	// orders closed -> open false
	// orders open -> closed true
}

func ExampleCircuit_ForceOpen() {
	orders := breaker.New("orders", breaker.Policy{})
	orders.ForceOpen()
	_, err := orders.Allow(context.Background())
	fmt.Println(err)
	orders.Release()
	fmt.Println(orders.State())
	// Output:
	// unavailable: the breaker of orders is held open by hand, until it is released (breaker_open)
	// half_open
}

func ExamplePolicy() {
	var p breaker.Policy
	err := json.Unmarshal([]byte(`{"failure_percent": 30, "timeout": "2s"}`), &p)
	fmt.Println(p.FailurePercent, p.Timeout, err)

	p.Timeout = -time.Second
	fmt.Println(p.Validate())
	// Output:
	// 30 2s <nil>
	// invalid_argument: timeout: -1s is negative
}

func ExampleGroup() {
	tenants := breaker.NewGroup("tenants", breaker.Policy{FailureThreshold: 1})
	ctx := context.Background()
	permit, _ := tenants.Get("acme").Allow(ctx)
	permit.Done(ctx, fault.Internal)
	fmt.Println(tenants.Get("acme").State(), tenants.Get("globex").State())
	// Output: open closed
}
