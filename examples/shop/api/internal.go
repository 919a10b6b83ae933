package api

import (
	"net/http"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

// The routes of the inventory service that the gateway does not expose. The first three
// are for the product service, the holds are for the order service.
var (
	Stock   = rest.Route[*StockItem, *Inventory]{Pattern: "POST /inventory", Keyed: true, Status: http.StatusCreated}
	Restock = rest.Route[*StockLevels, *Inventory]{Pattern: "PUT /inventory/{product_id}/levels"}
	Unstock = rest.Route[*ByProduct, endpoint.None]{Pattern: "DELETE /inventory/{product_id}"}

	HoldInventory = rest.Route[*Hold, *Inventory]{Pattern: "PUT /inventory/{product_id}/holds/{order_id}"}
	FreeInventory = rest.Route[*ByHold, endpoint.None]{Pattern: "DELETE /inventory/{product_id}/holds/{order_id}"}

	StockRoutes = []rest.Forwarder{Stock, Restock, Unstock, HoldInventory, FreeInventory}
)

// The routes with which an order is paid back and shipped. They are for the order service,
// and the gateway does not expose them.
var (
	RefundOrder = rest.Route[*ByOrder, endpoint.None]{Pattern: "PUT /payments/refunds/{order_id}"}
	ShipOrder   = rest.Route[*ByOrder, *Shipment]{Pattern: "PUT /shipments/{order_id}"}
)

// ByOrder identifies an order.
type ByOrder struct {
	OrderID string `path:"order_id" json:"-"`
}

// StockItem adds a product to the inventory.
type StockItem struct {
	ProductID string `json:"product_id"`
	SKU       string `json:"sku"`
	Quantity  int    `json:"quantity"`
	MinLevel  int    `json:"min_level"`
	MaxLevel  int    `json:"max_level"`
}

// StockLevels sets the levels of a product as of AsOf. If two arrive in the wrong order,
// the later AsOf wins.
type StockLevels struct {
	ProductID string    `path:"product_id" json:"-"`
	SKU       string    `json:"sku"`
	MinLevel  int       `json:"min_level"`
	MaxLevel  int       `json:"max_level"`
	AsOf      time.Time `json:"as_of"`
}

// Hold reserves pieces of a product for an order. However often it is sent, it reserves
// once, and never again after it was freed or shipped.
type Hold struct {
	ProductID string `path:"product_id" json:"-"`
	OrderID   string `path:"order_id" json:"-"`
	Quantity  int    `json:"quantity"`
}

// Validate requires a quantity of 1 or more.
func (h *Hold) Validate() error { return require(inRange(h.Quantity, 1, "quantity")) }

// ByHold identifies a hold.
type ByHold struct {
	ProductID string `path:"product_id" json:"-"`
	OrderID   string `path:"order_id" json:"-"`
}
