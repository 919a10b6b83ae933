// Package api is the contract of the inventory service that tests and examples use.
package api

import (
	"errors"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/transport/rest"
)

// The routes and topics of the service.
var (
	Reserve  = rest.Route[*ReserveRequest, *Inventory]{Pattern: "POST /inventory/{product_id}/reserve", Keyed: true}
	GetStock = rest.Route[*StockRequest, *Inventory]{Pattern: "GET /inventory/{product_id}"}
	LowStock = eventbus.Topic[StockEvent]{Name: "inventory.low_stock"}
)

// ReserveRequest reserves a quantity of a product.
type ReserveRequest struct {
	ProductID string `path:"product_id" json:"-"`
	Quantity  int    `json:"quantity"`
}

// Validate requires a quantity of 1 or more.
func (r *ReserveRequest) Validate() error {
	if r.Quantity < 1 {
		return errors.New("quantity must be at least 1")
	}
	return nil
}

// StockRequest asks for the available quantity of a product.
type StockRequest struct {
	ProductID string `path:"product_id" json:"-"`
}

// Inventory is the available quantity of a product.
type Inventory struct {
	ProductID string `json:"product_id"`
	Available int    `json:"available"`
}

// StockEvent says that few are left of a product.
type StockEvent struct {
	ProductID string `json:"product_id"`
}
