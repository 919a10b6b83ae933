package call_test

import (
	"context"
	"fmt"

	"github.com/sinew-go/sinew/call"
)

func Example() {
	ctx := call.With(context.Background(), call.Record{RequestID: "r-1", HashKey: "user-7"})

	r := call.Of(ctx)
	fmt.Println(r.RequestID, r.HashKey)
	fmt.Println(call.Of(context.Background()))
	// Output:
	// r-1 user-7
	// <nil>
}
