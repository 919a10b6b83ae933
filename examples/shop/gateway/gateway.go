// Package gateway is the shop's front door.
package gateway

import (
	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/transport/rest"
)

// Routes are what the shop shows, by the service that answers.
var Routes = map[string][]rest.Forwarder{
	"user":      api.UserRoutes,
	"product":   api.ProductRoutes,
	"inventory": api.InventoryRoutes,
	"order":     api.OrderRoutes,
	"payment":   api.PaymentRoutes,
	"logistics": api.ShipmentRoutes,
}

// New makes svc the door to all services, ready when each of them is there, with a
// page for people at /. It asks nobody who they are.
func New(svc *sinew.Service) {
	svc.Handle("GET /{$}", newFront(svc))
	for name, routes := range Routes {
		service := svc.Client(name)
		svc.AddReadinessCheck(name, service.Ready)
		for _, route := range routes {
			route.Forward(svc, service)
		}
	}
}
