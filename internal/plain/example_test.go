package plain_test

import (
	"fmt"

	"github.com/sinew-go/sinew/internal/plain"
)

func ExampleText() {
	fmt.Printf("%q %q", plain.Text("order-7"), plain.Text("line\nbreak"))
	// Output: "order-7" ""
}
