package backoff_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sinew-go/sinew/internal/backoff"
)

func Example() {
	p := backoff.Policy{Min: time.Millisecond, Max: 10 * time.Millisecond}
	pause := time.Duration(0)
	for range 3 {
		pause = p.Next(pause)
		fmt.Println(pause >= p.Min, pause <= p.Max, backoff.Wait(context.Background(), pause))
	}
	// Output:
	// true true <nil>
	// true true <nil>
	// true true <nil>
}
