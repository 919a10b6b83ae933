package heartbeat_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/internal/heartbeat"
)

func ExampleEvery() {
	renewed := make(chan string)
	stop := heartbeat.Every(context.Background(), time.Millisecond, func(ctx context.Context) {
		select {
		case renewed <- "renewed":
		case <-ctx.Done():
		}
	})
	fmt.Println(<-renewed, <-renewed)
	stop()
	// Output: renewed renewed
}
