package callctx_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
)

func Example() {
	now := time.Now()
	ctx := callctx.Begin[struct{}](context.Background(), call.Operation{Service: "stock", Name: "GET /stock"}, now, now.Add(time.Second))
	defer ctx.Stop()

	made := callctx.Of(ctx)
	made.Attempt = 1
	made.Try("stock-3")
	made.Waited() // for the answer
	made.Note(call.Step{Attempt: made.Attempt, Instance: made.Tried[0], Err: fault.Unavailable})
	fmt.Println(made.End(fault.Unavailable, ""))
	// Output:
	// unavailable (attempt 1: stock-3)
}
