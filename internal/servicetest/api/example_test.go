package api_test

import (
	"fmt"

	"github.com/sinew-go/sinew/internal/servicetest/api"
)

func Example() {
	fmt.Println((&api.ReserveRequest{ProductID: "p-1"}).Validate())
	// Output: quantity must be at least 1
}
