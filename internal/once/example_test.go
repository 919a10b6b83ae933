package once_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/once"
)

func ExampleUse_Run() {
	store, charge := endpoint.NewMemoryStore(), once.Use{Scope: "POST /charge", Key: "order-7"}
	for range 2 {
		answer, replayed, err := charge.Run(context.Background(), store, func(context.Context) (once.Result, error) {
			fmt.Println("charged")
			return once.Result{Answer: []byte("paid"), Keep: time.Hour}, nil
		})
		fmt.Printf("%s %v %v\n", answer, replayed, err)
	}
	// Output:
	// charged
	// paid false <nil>
	// paid true <nil>
}
