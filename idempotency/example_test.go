package idempotency_test

import (
	"context"
	"fmt"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/idempotency"
)

func Example() {
	charged := 0
	charge := func(_ context.Context, cents int) (string, error) {
		charged += cents
		return "charged", nil
	}
	ep := endpoint.New(charge).With(idempotency.Middleware[int, string](idempotency.NewMemory()))

	ctx := call.With(context.Background(), call.Record{IdempotencyKey: "k-1"})
	for range 3 {
		_, _ = ep(ctx, 500)
	}
	fmt.Println(charged)
	_, err := ep(ctx, 600)
	fmt.Println(err)
	// Output:
	// 500
	// invalid_argument: this idempotency key was used for another request; choose a new key (key_reused)
}
