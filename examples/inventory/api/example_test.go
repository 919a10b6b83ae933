package api_test

import (
	"fmt"

	"github.com/sinew-go/sinew/examples/inventory/api"
)

func Example() {
	fmt.Println(api.Reserve.Pattern)
	fmt.Println((&api.ReserveRequest{ProductID: "p-1"}).Validate())
	// Output:
	// POST /inventory/{product_id}/reserve
	// quantity must be at least 1
}
