package gateway

import (
	"fmt"
	"strings"
)

// dot is a picture of one pixel.
const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

// Try returns shell commands for the shop at this URL, with this user and product. They
// add a newline to answers, because JSON has none.
func Try(url, user, product string) []string {
	const curl = `curl -w '\n'`
	const jsonBody = ` -H 'Content-Type: application/json'`
	return []string{
		fmt.Sprintf(`%s '%s/products?q=shirt'`, curl, url),
		fmt.Sprintf(`%s '%s/inventory?low_stock=true'`, curl, url),
		fmt.Sprintf(`%s%s -d '{"quantity": 3}' %s/inventory/%s/reserve`, curl, jsonBody, url, product),
		fmt.Sprintf(`%s -X POST %s/inventory/%s/reorder`, curl, url, product),
		fmt.Sprintf(`order=$(curl -s%s -d '{"user_id": "%s", "items": [{"product_id": "%s", "quantity": 1}]}' %s/orders | cut -d'"' -f4)`, jsonBody, user, product, url),
		fmt.Sprintf(`curl -sN %s/orders/$order/events &`, url),
		fmt.Sprintf(`%s%s -d "{\"order_id\": \"$order\", \"method\": \"paypal\"}" %s/payments`, curl, jsonBody, url),
		fmt.Sprintf(`%s %s/orders/$order`, curl, url),
		fmt.Sprintf(`echo %s | base64 -d | %s -T - -H 'Content-Type: image/png' %s/products/%s/picture`, dot, curl, url, product),
		fmt.Sprintf(`%s -I %s/products/%s/picture`, curl, url, product),
		fmt.Sprintf(`grpcurl -plaintext -d '{"user_id": "%s", "items": [{"product_id": "%s", "quantity": 1}]}' %s api.OrderService/CreateOrder`, user, product, strings.TrimPrefix(url, "http://")),
	}
}
