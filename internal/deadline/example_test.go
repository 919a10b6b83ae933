package deadline_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/internal/deadline"
)

func Example() {
	ctx := deadline.With(context.Background(), time.Now().Add(time.Hour))
	fmt.Println(ctx.Err())
	ctx.Stop()
	fmt.Println(ctx.Err())
	// Output:
	// <nil>
	// context canceled
}
