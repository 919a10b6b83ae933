package renewal_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/internal/renewal"
)

func ExampleEvery() {
	renewed := make(chan string)
	stop := renewal.Every(context.Background(), time.Millisecond, func(ctx context.Context) {
		select {
		case renewed <- "renewed":
		case <-ctx.Done():
		}
	})
	fmt.Println(<-renewed, <-renewed)
	stop()
	// Output: renewed renewed
}
