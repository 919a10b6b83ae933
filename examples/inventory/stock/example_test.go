package stock_test

import (
	"context"
	"fmt"

	"github.com/sinew-go/sinew/examples/inventory/api"
	"github.com/sinew-go/sinew/examples/inventory/stock"
)

func Example() {
	left, err := stock.Reserve(context.Background(), &api.ReserveRequest{ProductID: "p-1", Quantity: 2})
	fmt.Println(left.Available, err)
	_, err = stock.Reserve(context.Background(), &api.ReserveRequest{ProductID: "p-1", Quantity: 20})
	fmt.Println(err)
	// Output:
	// 8 <nil>
	// failed_precondition: 8 of p-1 are left (insufficient_stock)
}
