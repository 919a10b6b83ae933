package retry_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/retry"
)

func Example() {
	answers := []error{fault.Unavailable.Errorf("restarting"), nil}
	place := endpoint.New(func(_ context.Context, order string) (string, error) {
		err := answers[0]
		answers = answers[1:]
		fmt.Println("attempt:", err)
		return "placed " + order, err
	}).With(retry.Policy{Backoff: time.Millisecond}.Middleware())

	fmt.Println(place(context.Background(), "o-7"))
	// Output:
	// attempt: unavailable: restarting
	// attempt: <nil>
	// placed o-7 <nil>
}

func ExampleRetrier_Do() {
	orders := retry.New("orders", retry.Policy{Attempts: 5, Backoff: time.Millisecond})
	err := orders.Do(context.Background(), false, func(ctx context.Context, n int) error {
		return fault.Internal.Errorf("attempt %d broke after it had begun", n)
	})
	fmt.Println(err)
	// Output: internal: attempt 1 broke after it had begun
}

func ExampleHedge() {
	orders := retry.New("orders", retry.Policy{Hedge: retry.Hedge{Percent: 2, After: 10 * time.Millisecond}})
	find := endpoint.New(func(ctx context.Context, order string) (string, error) {
		if call.Of(ctx).Attempt == 1 {
			<-ctx.Done() // an instance that hangs, until the other attempt has won
			return "", ctx.Err()
		}
		return order + " from the second attempt", nil
	}).With(orders.Middleware())

	fmt.Println(find(context.Background(), "o-7"))
	fmt.Println(orders.Snapshot().Hedges)
	// Output:
	// o-7 from the second attempt <nil>
	// 1
}

func ExampleRetrier_Race() {
	orders := retry.New("orders", retry.Policy{})
	err := orders.Do(context.Background(), true, func(ctx context.Context, _ int) error {
		return orders.Race(ctx, 10*time.Millisecond, func(ctx context.Context, n int) error {
			if n == 1 { // on an instance that has just come back
				<-ctx.Done()
				return ctx.Err()
			}
			fmt.Println("attempt", n)
			return nil
		})
	})
	fmt.Println(err)
	// Output:
	// attempt 2
	// <nil>
}

func ExamplePolicy_WorstCase() {
	fmt.Println(retry.Policy{}.WorstCase())
	// Output: 3 240ms
}
