package stock_test

import (
	"context"
	"fmt"

	"github.com/sinew-go/sinew/internal/servicetest/api"
	"github.com/sinew-go/sinew/internal/servicetest/stock"
)

func Example() {
	left, _ := stock.Reserve(context.Background(), &api.ReserveRequest{ProductID: "p-1", Quantity: 2})
	fmt.Println(left.Available)
	// Output: 8
}
