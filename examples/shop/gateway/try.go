package gateway

import "fmt"

// Try are lines for a shell that try the shop whose door has this URL, as this user
// and with this product. They end answers with a newline, which JSON has none of.
func Try(door, user, product string) []string {
	const curl = `curl -w '\n'`
	const jsonBody = ` -H 'Content-Type: application/json'`
	return []string{
		fmt.Sprintf(`%s '%s/products?q=shirt'`, curl, door),
		fmt.Sprintf(`%s '%s/inventory?low_stock=true'`, curl, door),
		fmt.Sprintf(`%s%s -d '{"quantity": 3}' %s/inventory/%s/reserve`, curl, jsonBody, door, product),
		fmt.Sprintf(`%s -X POST %s/inventory/%s/reorder`, curl, door, product),
		fmt.Sprintf(`order=$(curl -s%s -d '{"user_id": "%s", "items": [{"product_id": "%s", "quantity": 1}]}' %s/orders | cut -d'"' -f4)`, jsonBody, user, product, door),
		fmt.Sprintf(`%s%s -d "{\"order_id\": \"$order\", \"method\": \"paypal\"}" %s/payments`, curl, jsonBody, door),
		fmt.Sprintf(`%s %s/orders/$order`, curl, door),
	}
}
