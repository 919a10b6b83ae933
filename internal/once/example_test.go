package once_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/internal/once"
)

func ExampleOperation_Run() {
	store, charge := idempotency.NewMemory(), once.Operation{Scope: "POST /charge", Key: "order-7"}
	for range 2 {
		answer, replayed, err := charge.Run(context.Background(), store, func(context.Context) (once.Result, error) {
			fmt.Println("charged")
			return once.Result{Answer: []byte("paid"), TTL: time.Hour}, nil
		})
		fmt.Printf("%s %v %v\n", answer, replayed, err)
	}
	// Output:
	// charged
	// paid false <nil>
	// paid true <nil>
}
