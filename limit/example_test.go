package limit_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
)

func Example() {
	place := endpoint.New(func(context.Context, int) (string, error) { return "placed", nil }).
		With(limit.Rate{PerSecond: 0.01, Burst: 2}.Middleware())

	for range 3 {
		got, err := place(context.Background(), 7)
		fmt.Println(got, errors.Is(err, fault.ResourceExhausted))
	}
	// Output:
	// placed false
	// placed false
	//  true
}

func ExampleConcurrencyLimiter_Acquire() {
	reports := limit.NewConcurrency("reports", limit.Concurrency{Max: 1, Queue: -1})
	permit, err := reports.Acquire(context.Background())
	fmt.Println(err)
	_, err = reports.Acquire(context.Background())
	fmt.Println(err)
	permit.Done()
	// Output:
	// <nil>
	// unavailable: reports runs 1 calls at once, and its queue of 0 is full (overloaded)
}

func ExampleAdaptive() {
	reserve := endpoint.New(func(context.Context, string) (string, error) { return "reserved", nil }).
		With(limit.Adaptive{}.Middleware())

	fmt.Println(reserve(context.Background(), "p-1"))
	// Output: reserved <nil>
}

func ExampleAdaptiveLimiter_Acquire() {
	ctx := context.Background()
	inventory := limit.NewAdaptive("inventory", limit.Adaptive{Max: 1})
	permit, err := inventory.Acquire(ctx)
	fmt.Println(err)
	_, err = inventory.Acquire(ctx)
	fmt.Println(err)
	permit.Done(ctx, nil) // and the error of the call, if it had one

	s := inventory.Snapshot()
	fmt.Println(s.InFlight, "running,", s.Passed, "passed,", s.Refused, "refused,", s.Wasted, "wasted")
	// Output:
	// <nil>
	// unavailable: inventory accepts 1 calls at once now, and as many are under way (overloaded)
	// 0 running, 1 passed, 1 refused, 0 wasted
}
