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
	turn, err := reports.Acquire(context.Background())
	fmt.Println(err)
	_, err = reports.Acquire(context.Background())
	fmt.Println(err)
	turn.Release()
	// Output:
	// <nil>
	// unavailable: reports runs 1 calls at once, and its queue of 0 is full (overloaded)
}
