package main

import (
	"fmt"
	"strings"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/gateway"
)

// next prints what to read and what to try, in lines that can be pasted.
func (p *platform) next(basket *api.CreateOrderRequest, placed step) {
	url := p.gatewayURL()
	fmt.Printf(`
The shop is open at %[1]s for a browser, too. Worth a look:
  %[1]s/traces/%[3]s
  %[1]s/orders/%[2]s
  %[1]s/shipments?order_id=%[2]s
  %[1]s/products
  %[1]s/docs
  %[1]s/openapi.json
  %[1]s/readyz
  %[4]s/metrics

Try:
  %[5]s

With -v each service shows its log.
`, url, placed.ID, placed.trace, p.services[len(p.services)-1].AdminURL(),
		strings.Join(gateway.Try(url, basket.UserID, basket.Items[0].ProductID), "\n  "))
}
