package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

// Product is a product that the shop sells.
type Product struct {
	ID          string            `json:"id" doc:"The shop sets it." example:"p-1"`
	Name        string            `json:"name" schema:"required,pattern=\\S" example:"Shirt"`
	Description string            `json:"description"`
	SKU         string            `json:"sku" schema:"required,pattern=\\S" doc:"The stock-keeping unit." example:"S-1"`
	Category    string            `json:"category"`
	Brand       string            `json:"brand"`
	Price       Money             `json:"price"`
	Currency    string            `json:"currency" example:"EUR"`
	Stock       int               `json:"stock" schema:"minimum=0,maximum=1000000000" example:"12"`
	MinStock    int               `json:"min_stock" schema:"minimum=0,maximum=1000000000" doc:"Below it the stock is low."`
	MaxStock    int               `json:"max_stock" schema:"minimum=0,maximum=1000000000" doc:"No more are ordered again; 0 is no limit."`
	Weight      float64           `json:"weight" schema:"minimum=0" doc:"In kg."`
	Dimensions  Dimensions        `json:"dimensions"`
	Images      []string          `json:"images"`
	Attributes  map[string]string `json:"attributes"`
	Variants    []ProductVariant  `json:"variants"`
	Status      ProductStatus     `json:"status"`
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
}

// Dimensions is the size of a product.
type Dimensions struct {
	Length float64 `json:"length" schema:"minimum=0"`
	Width  float64 `json:"width" schema:"minimum=0"`
	Height float64 `json:"height" schema:"minimum=0"`
	Unit   string  `json:"unit"`
}

// ProductVariant is a variant of a product, such as a colour.
type ProductVariant struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	SKU        string            `json:"sku"`
	Price      Money             `json:"price" schema:"minimum=0"`
	Stock      int               `json:"stock" schema:"minimum=0,maximum=1000000000"`
	Attributes map[string]string `json:"attributes"`
}

// ProductStatus is whether a product is for sale.
type ProductStatus string

// The statuses of a product.
const (
	ProductActive       ProductStatus = "active"
	ProductInactive     ProductStatus = "inactive"
	ProductDiscontinued ProductStatus = "discontinued"
	ProductOutOfStock   ProductStatus = "out_of_stock"
)

// Enum lists the statuses.
func (ProductStatus) Enum() []string {
	return []string{"active", "inactive", "discontinued", "out_of_stock"}
}

// MarshalJSON writes an empty status as null.
func (s ProductStatus) MarshalJSON() ([]byte, error) { return encode(s) }

// UnmarshalText refuses unknown statuses.
func (s *ProductStatus) UnmarshalText(text []byte) error {
	return parse(s, text, "product status", s.Enum())
}

// ProductService is the interface of the product service.
type ProductService interface {
	CreateProduct(ctx context.Context, product *Product) error
	GetProduct(ctx context.Context, id string) (*Product, error)
	UpdateProduct(ctx context.Context, product *Product) error
	DeleteProduct(ctx context.Context, id string) error
	GetProductsByCategory(ctx context.Context, category string) ([]*Product, error)
	SearchProducts(ctx context.Context, query string) ([]*Product, error)
	UpdateProductStock(ctx context.Context, id string, quantity int) error
}

// The routes of the product service.
var (
	CreateProduct = rest.Route[*NewProduct, *Product]{
		Pattern: "POST /products", Status: http.StatusCreated,
		Summary: "Creates a product with its stock.",
	}
	GetProduct = rest.Route[*ByID, *Product]{
		Pattern:  "GET /products/{id}",
		Summary:  "Returns a product.",
		Failures: []error{fault.NotFound},
	}
	UpdateProduct = rest.Route[*ProductUpdate, *Product]{
		Pattern:  "PUT /products/{id}",
		Summary:  "Replaces a product, but not its stock.",
		Failures: []error{fault.NotFound},
	}
	DeleteProduct = rest.Route[*ByID, endpoint.None]{
		Pattern:  "DELETE /products/{id}",
		Summary:  "Deletes a product.",
		Failures: []error{fault.NotFound},
	}
	ListProducts = rest.Route[*ProductFilter, *List[*Product]]{
		Pattern: "GET /products",
		Summary: "Lists the products.",
	}
	UpdateProductStock = rest.Route[*StockChange, *Product]{
		Pattern:  "PUT /products/{id}/stock",
		Summary:  "Sets the stock of a product.",
		Failures: []error{fault.NotFound, insufficientStock},
	}

	ProductRoutes = []rest.Forwarder{CreateProduct, GetProduct, UpdateProduct, DeleteProduct, ListProducts, UpdateProductStock, PutPicture, GetPicture}
)

// NewProduct creates a product. Price is required, and Stock is the quantity of its
// inventory.
type NewProduct struct {
	Product
	Price *Money `json:"price" schema:"required,minimum=0" example:"19.99"`
}

// Validate requires a name, a SKU and a price, and no negative numbers.
func (p *NewProduct) Validate() error {
	return require(p.conditions(p.Price)...)
}

// ProductUpdate replaces a product. Its ID, stock, status and times are ignored.
type ProductUpdate struct {
	PathID string `path:"id" json:"-"`
	Product
	Price *Money `json:"price" schema:"required,minimum=0" example:"19.99"`
}

// Validate requires a name, a SKU and a price, and no negative numbers.
func (p *ProductUpdate) Validate() error {
	return cmp.Or(require(p.conditions(p.Price)...), validIDs(p.PathID))
}

func (p *Product) conditions(price *Money) []condition {
	all := []condition{
		nonBlank(p.Name, "name"),
		nonBlank(p.SKU, "sku"),
		validPrice(price, "price"),
		inRange(p.Stock, 0, "stock"),
		inRange(p.MinStock, 0, "min_stock"),
		inRange(p.MaxStock, 0, "max_stock"),
		nonNegative(p.Weight, "weight"),
		nonNegative(p.Dimensions.Length, "dimensions.length"),
		nonNegative(p.Dimensions.Width, "dimensions.width"),
		nonNegative(p.Dimensions.Height, "dimensions.height"),
	}
	for i, v := range p.Variants {
		name := fmt.Sprintf("variants[%d].", i)
		all = append(all, validPrice(&v.Price, name+"price"), inRange(v.Stock, 0, name+"stock"))
	}
	return all
}

// ProductFilter selects products by category, or by a part of their name, description or
// SKU. An empty filter selects all.
type ProductFilter struct {
	Category string `query:"category" json:"-"`
	Query    string `query:"q" json:"-" doc:"A part of the name, the description or the SKU."`
}

// StockChange sets the stock of a product.
type StockChange struct {
	ID       string `path:"id" json:"-"`
	Quantity *int   `json:"quantity" schema:"required,minimum=0,maximum=1000000000"`
}

// Validate requires a quantity of 0 or more.
func (c *StockChange) Validate() error {
	return cmp.Or(require(quantity(c.Quantity, 0)), validIDs(c.ID))
}
