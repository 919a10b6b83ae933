package window_test

import (
	"fmt"
	"time"

	"github.com/sinew-go/sinew/internal/window"
)

func Example() {
	const calls = 0
	w := window.New(time.Second)
	w.Add(0, calls)
	w.Add(int64(500*time.Millisecond), calls)
	fmt.Println(w.Sum(int64(900 * time.Millisecond))[calls], w.Sum(int64(1400 * time.Millisecond))[calls])
	// Output: 2 1
}
