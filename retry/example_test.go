package retry_test

import (
	"context"
	"fmt"
	"time"

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
