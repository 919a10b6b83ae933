// Package gateway is the public entry of the shop.
package gateway

import (
	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/transport/rest"
)

// Routes are the exposed routes, by the service that answers them.
var Routes = map[string][]rest.Forwarder{
	"user":      api.UserRoutes,
	"product":   api.ProductRoutes,
	"inventory": api.InventoryRoutes,
	"order":     api.OrderRoutes,
	"payment":   api.PaymentRoutes,
	"logistics": api.ShipmentRoutes,
}

// New makes svc the gateway to all services, with a page for browsers at /. It is ready
// when each service has an instance. It does not authenticate anybody.
func New(svc *sinew.Service) {
	svc.Handle("GET /{$}", newPage(svc))
	for _, method := range api.OrderMethods {
		method.Forward(svc, svc.Client("order"))
	}
	for name, routes := range Routes {
		service := svc.Client(name)
		svc.AddReadinessCheck(name, service.Ready)
		for _, route := range routes {
			route.Forward(svc, service)
		}
	}
}
