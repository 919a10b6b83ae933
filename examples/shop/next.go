package main

import (
	"fmt"

	"github.com/sinew-go/sinew/examples/shop/api"
)

// next says what to look at and what to try, in lines that can be pasted. The
// line that pays sends the order once more with its key, to learn its id.
func (p *platform) next(basket *api.CreateOrderRequest, placed *api.Order) {
	const jsonBody = "-H 'Content-Type: application/json'"
	door, product := p.door(), basket.Items[0].ProductID
	order := fmt.Sprintf(`%s -H 'Idempotency-Key: after-%s' -d '{"user_id": "%s", "items": [{"product_id": "%s", "quantity": 1}]}' %s/orders`,
		jsonBody, placed.ID, basket.UserID, product, door)
	fmt.Printf(`
The shop is open at %[1]s. Worth a look:
  %[1]s/openapi.json
  %[1]s/readyz
  %[1]s/metrics
  %[1]s/products
  %[1]s/orders/%[2]s
  %[1]s/shipments?order_id=%[2]s

Try:
  curl '%[1]s/products?q=shirt'
  curl '%[1]s/inventory?low_stock=true'
  curl %[4]s -d '{"quantity": 3}' %[1]s/inventory/%[3]s/reserve
  curl %[5]s
  curl %[4]s -d "{\"order_id\": \"$(curl -s %[5]s | cut -d'"' -f4)\", \"method\": \"paypal\"}" %[1]s/payments
  curl -X POST %[1]s/inventory/%[3]s/reorder
`, door, placed.ID, product, jsonBody, order)
}
