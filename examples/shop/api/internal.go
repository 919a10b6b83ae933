package api

import (
	"net/http"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/transport/rest"
)

// The routes of the inventory service that the gateway does not show. The first
// three are for the product service, the holds for the order service.
var (
	Stock   = rest.Route[*StockItem, *Inventory]{Pattern: "POST /inventory", Keyed: true, Status: http.StatusCreated}
	Restock = rest.Route[*StockLevels, *Inventory]{Pattern: "PUT /inventory/{product_id}/levels"}
	Unstock = rest.Route[*ByProduct, endpoint.None]{Pattern: "DELETE /inventory/{product_id}"}

	HoldInventory = rest.Route[*Hold, *Inventory]{Pattern: "PUT /inventory/{product_id}/holds/{order_id}"}
	FreeInventory = rest.Route[*ByHold, endpoint.None]{Pattern: "DELETE /inventory/{product_id}/holds/{order_id}"}
)

// StockItem is a product that is new to the inventory.
type StockItem struct {
	ProductID string `json:"product_id"`
	SKU       string `json:"sku"`
	Quantity  int    `json:"quantity"`
	MinLevel  int    `json:"min_level"`
	MaxLevel  int    `json:"max_level"`
}

// StockLevels is what a product says of its inventory, since AsOf: of two that
// cross on their way the later one holds.
type StockLevels struct {
	ProductID string    `path:"product_id" json:"-"`
	SKU       string    `json:"sku"`
	MinLevel  int       `json:"min_level"`
	MaxLevel  int       `json:"max_level"`
	AsOf      time.Time `json:"as_of"`
}

// Hold is what an order holds of a product. However often it is put, it is held
// once, and never again after it was freed or shipped.
type Hold struct {
	ProductID string `path:"product_id" json:"-"`
	OrderID   string `path:"order_id" json:"-"`
	Quantity  int    `json:"quantity"`
}

// Validate wants a quantity of 1 or more.
func (h *Hold) Validate() error { return require(counted(h.Quantity, 1, "quantity")) }

// ByHold names a hold.
type ByHold struct {
	ProductID string `path:"product_id" json:"-"`
	OrderID   string `path:"order_id" json:"-"`
}
