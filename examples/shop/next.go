package main

import (
	"fmt"

	"github.com/sinew-go/sinew/examples/shop/api"
)

// next says what to look at and what to try, in lines that can be pasted.
func (p *platform) next(basket *api.CreateOrderRequest, placed *api.Order) {
	door, product := p.door(), basket.Items[0].ProductID
	fmt.Printf(`
The shop is open at %[1]s. Worth a look:
  %[1]s/openapi.json
  %[1]s/readyz
  %[1]s/metrics
  %[1]s/products
  %[1]s/orders/%[3]s
  %[1]s/shipments?order_id=%[3]s

Try:
  curl '%[1]s/products?q=shirt'
  curl '%[1]s/inventory?low_stock=true'
  curl -H 'Content-Type: application/json' -d '{"quantity": 3}' %[1]s/inventory/%[4]s/reserve
  curl -H 'Content-Type: application/json' -H 'Idempotency-Key: my-first-order' -d '{"user_id": "%[2]s", "items": [{"product_id": "%[4]s", "quantity": 1}]}' %[1]s/orders
  curl -X POST %[1]s/inventory/%[4]s/reorder
`, door, placed.UserID, placed.ID, product)
}
