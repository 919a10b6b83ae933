package headertext_test

import (
	"fmt"

	"github.com/sinew-go/sinew/internal/headertext"
)

func ExampleOrEmpty() {
	fmt.Printf("%q %q", headertext.OrEmpty("order-7"), headertext.OrEmpty("line\nbreak"))
	// Output: "order-7" ""
}
