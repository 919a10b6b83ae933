package rng_test

import (
	"fmt"

	"github.com/sinew-go/sinew/internal/rng"
)

func Example() {
	var d rng.Source
	for range 2 {
		d.Seed(7)
		fmt.Println(d.IntN(6)+1, d.IntN(6)+1, d.IntN(6)+1)
	}
	// Output:
	// 4 2 6
	// 4 2 6
}
