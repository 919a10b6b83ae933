package bubble_test

import (
	"fmt"

	"github.com/sinew-go/sinew/internal/bubble"
)

func Example() {
	go func() {}() // is in no bubble
	fmt.Println(bubble.Goroutines())
	// Output: 0
}
