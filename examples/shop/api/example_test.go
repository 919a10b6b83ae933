package api_test

import (
	"encoding/json"
	"fmt"

	"github.com/sinew-go/sinew/examples/shop/api"
)

func Example() {
	var p api.NewProduct
	err := json.Unmarshal([]byte(`{"name": "Red shirt", "sku": "SHIRT-RED", "price": 19.99, "status": "active"}`), &p)
	fmt.Println(int64(*p.Price), *p.Price*3, p.Validate(), err)

	fmt.Println(json.Unmarshal([]byte(`{"status": "lost"}`), &p))
	fmt.Println(api.OrderPending.May(api.OrderConfirmed), api.OrderDelivered.May(api.OrderCancelled))
	// Output:
	// 1999 59.97 <nil> <nil>
	// "lost" is no product status; there are active, inactive, discontinued, out_of_stock
	// true false
}
