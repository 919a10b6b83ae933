package api

import (
	"cmp"
	"context"
	"time"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// Inventory is the stock of a product. Quantity is always Available plus Reserved.
type Inventory struct {
	ID              string          `json:"id"`
	ProductID       string          `json:"product_id"`
	SKU             string          `json:"sku"`
	Location        string          `json:"location"`
	Quantity        int             `json:"quantity"`
	Reserved        int             `json:"reserved"`
	Available       int             `json:"available"`
	MinLevel        int             `json:"min_level"`
	MaxLevel        int             `json:"max_level"`
	ReorderPoint    int             `json:"reorder_point"`
	ReorderQuantity int             `json:"reorder_quantity"`
	Status          InventoryStatus `json:"status"`
	LastUpdated     time.Time       `json:"last_updated"`
}

// InventoryStatus is the level of a stock.
type InventoryStatus string

// The statuses of an inventory.
const (
	InStock    InventoryStatus = "in_stock"
	LowStock   InventoryStatus = "low_stock"
	OutOfStock InventoryStatus = "out_of_stock"
	Backorder  InventoryStatus = "backorder"
)

// Enum lists the statuses.
func (InventoryStatus) Enum() []string {
	return []string{"in_stock", "low_stock", "out_of_stock", "backorder"}
}

// MarshalJSON writes an empty status as null.
func (s InventoryStatus) MarshalJSON() ([]byte, error) { return encode(s) }

// UnmarshalText refuses unknown statuses.
func (s *InventoryStatus) UnmarshalText(text []byte) error {
	return parse(s, text, "inventory status", s.Enum())
}

// InventoryService is the interface of the inventory service.
type InventoryService interface {
	GetInventory(ctx context.Context, productID string) (*Inventory, error)
	UpdateInventory(ctx context.Context, productID string, quantity int) error
	ReserveInventory(ctx context.Context, productID string, quantity int) error
	ReleaseInventory(ctx context.Context, productID string, quantity int) error
	GetLowStockItems(ctx context.Context) ([]*Inventory, error)
	ReorderProduct(ctx context.Context, productID string) error
}

// The routes of the inventory service.
var (
	GetInventory = rest.Route[*ByProduct, *Inventory]{
		Pattern:  "GET /inventory/{product_id}",
		Summary:  "Returns the stock of a product.",
		Failures: []error{fault.NotFound},
	}
	UpdateInventory = rest.Route[*QuantityChange, *Inventory]{
		Pattern:  "PUT /inventory/{product_id}",
		Summary:  "Sets the stock of a product.",
		Failures: []error{fault.NotFound, insufficientStock},
	}
	ReserveInventory = rest.Route[*Reservation, *Inventory]{
		Pattern: "POST /inventory/{product_id}/reserve", Keyed: true,
		Summary:  "Reserves pieces of a product.",
		Failures: []error{fault.NotFound, insufficientStock},
	}
	ReleaseInventory = rest.Route[*Reservation, *Inventory]{
		Pattern: "POST /inventory/{product_id}/release", Keyed: true,
		Summary:  "Releases reserved pieces of a product.",
		Failures: []error{fault.NotFound, insufficientStock},
	}
	ListInventory = rest.Route[*InventoryFilter, *List[*Inventory]]{
		Pattern: "GET /inventory",
		Summary: "Lists the stock of all products.",
	}
	ReorderProduct = rest.Route[*ByProduct, *Inventory]{
		Pattern:  "POST /inventory/{product_id}/reorder",
		Summary:  "Orders pieces of a product again.",
		Failures: []error{fault.NotFound, tooMuchStock},
	}

	InventoryRoutes = []rest.Forwarder{GetInventory, UpdateInventory, ReserveInventory, ReleaseInventory, ListInventory, ReorderProduct}
)

// InventoryCounted reports a change of a product's quantity, in order per product.
var InventoryCounted = eventbus.Topic[Inventory]{Name: "inventory.counted", Key: func(i Inventory) string { return i.ProductID }}

// ByProduct requests the inventory of one product.
type ByProduct struct {
	ProductID string `path:"product_id" json:"-"`
}

// Validate refuses a malformed ID.
func (r *ByProduct) Validate() error { return validIDs(r.ProductID) }

// QuantityChange sets the quantity of an inventory.
type QuantityChange struct {
	ProductID string `path:"product_id" json:"-"`
	Quantity  *int   `json:"quantity" schema:"required,minimum=0,maximum=1000000000"`
}

// Validate requires a quantity of 0 or more.
func (c *QuantityChange) Validate() error {
	return cmp.Or(require(quantity(c.Quantity, 0)), validIDs(c.ProductID))
}

// Reservation reserves pieces of a product, or releases them.
type Reservation struct {
	ProductID string `path:"product_id" json:"-"`
	Quantity  *int   `json:"quantity" schema:"required,minimum=1,maximum=1000000000"`
}

// Validate requires a quantity of 1 or more.
func (r *Reservation) Validate() error {
	return cmp.Or(require(quantity(r.Quantity, 1)), validIDs(r.ProductID))
}

// InventoryFilter selects the inventories that are low, or all.
type InventoryFilter struct {
	LowStock bool `query:"low_stock" json:"-"`
}
