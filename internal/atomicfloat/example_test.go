package atomicfloat_test

import (
	"fmt"

	"github.com/sinew-go/sinew/internal/atomicfloat"
)

func Example() {
	var latency atomicfloat.Float64
	latency.Store(0.25)
	fmt.Println(latency.Load())
	// Output: 0.25
}
