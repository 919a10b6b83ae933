package contextkey_test

import (
	"context"
	"fmt"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/contextkey"
)

func Example() {
	ctx := call.With(context.Background(), call.Record{RequestID: "r-1"})
	record, ok := ctx.Value(contextkey.Record{}).(*call.Record)
	fmt.Println(record.RequestID, ok)
	// Output: r-1 true
}
