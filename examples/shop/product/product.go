// Package product is the shop's catalogue.
package product

import (
	"context"
	"crypto/rand"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
)

var products = database.Table[api.Product]{Kind: "product"}

// Schema makes the service's tables.
var Schema = []string{
	products.Schema(),
	products.Index("category", "", `json_extract(doc, '$.category')`),
}

// Service implements [api.ProductService]. How much of a product there is, is
// the inventory's to say: each change of stock goes there first.
type Service struct {
	db *sql.DB

	stock    endpoint.Endpoint[*api.StockItem, *api.Inventory]
	unstock  endpoint.Endpoint[*api.ByProduct, endpoint.None]
	setStock endpoint.Endpoint[*api.QuantityChange, *api.Inventory]
}

var _ api.ProductService = (*Service)(nil)

// New serves the products in db on svc.
func New(svc *sinew.Service, db *sql.DB) *Service {
	inventory := svc.Client("inventory")
	s := &Service{
		db:       db,
		stock:    api.Stock.Endpoint(inventory),
		unstock:  api.Unstock.Endpoint(inventory),
		setStock: api.UpdateInventory.Endpoint(inventory),
	}
	api.CreateProduct.Handle(svc, s.create)
	api.GetProduct.Handle(svc, func(ctx context.Context, r *api.ByID) (*api.Product, error) { return s.GetProduct(ctx, r.ID) })
	api.UpdateProduct.Handle(svc, s.update)
	api.DeleteProduct.Handle(svc, func(ctx context.Context, r *api.ByID) (endpoint.None, error) {
		return endpoint.None{}, s.DeleteProduct(ctx, r.ID)
	})
	api.ListProducts.Handle(svc, s.list)
	api.UpdateProductStock.Handle(svc, s.updateStock)
	return s
}

// CreateProduct puts the product into the inventory and then into the
// catalogue, so that what can be seen can be ordered.
func (s *Service) CreateProduct(ctx context.Context, p *api.Product) error {
	now := time.Now().UTC()
	p.ID, p.CreatedAt, p.UpdatedAt = "p-"+rand.Text(), now, now
	if p.Status == "" {
		p.Status = api.ProductActive
	}
	if p.Currency == "" {
		p.Currency = "USD"
	}
	if _, err := s.stock(ctx, stockItem(p)); err != nil {
		return err
	}
	err := products.Insert(ctx, s.db, p.ID, p)
	if err != nil {
		_, _ = s.unstock(context.WithoutCancel(ctx), &api.ByProduct{ProductID: p.ID})
	}
	return err
}

// GetProduct is the product with this id, or fault.NotFound.
func (s *Service) GetProduct(ctx context.Context, id string) (*api.Product, error) {
	return products.Get(ctx, s.db, id)
}

// UpdateProduct changes what a product is; its stock, status and times stay.
func (s *Service) UpdateProduct(ctx context.Context, p *api.Product) error {
	_, err := products.Change(ctx, s.db, p.ID, func(_ *sql.Tx, old *api.Product) error {
		p.Stock, p.Status, p.CreatedAt, p.UpdatedAt = old.Stock, old.Status, old.CreatedAt, time.Now().UTC()
		if p.Currency == "" {
			p.Currency = old.Currency
		}
		*old = *p
		return nil
	})
	if err != nil {
		return err
	}
	_, err = s.stock(ctx, stockItem(p))
	return err
}

// DeleteProduct removes the product and its inventory.
func (s *Service) DeleteProduct(ctx context.Context, id string) error {
	if err := products.Delete(ctx, s.db, id); err != nil {
		return err
	}
	_, err := s.unstock(ctx, &api.ByProduct{ProductID: id})
	return err
}

// GetProductsByCategory lists the products of a category.
func (s *Service) GetProductsByCategory(ctx context.Context, category string) ([]*api.Product, error) {
	return products.Where(ctx, s.db, `json_extract(doc, '$.category') = ?`, category)
}

// SearchProducts lists the products that have the query in their name,
// description or SKU, in upper or lower case.
func (s *Service) SearchProducts(ctx context.Context, query string) ([]*api.Product, error) {
	all, err := products.Where(ctx, s.db, `true`)
	if err != nil {
		return nil, err
	}
	query = strings.ToLower(query)
	var found []*api.Product
	for _, p := range all {
		if strings.Contains(strings.ToLower(p.Name+"\n"+p.Description+"\n"+p.SKU), query) {
			found = append(found, p)
		}
	}
	return found, nil
}

// UpdateProductStock sets how much of the product there is.
func (s *Service) UpdateProductStock(ctx context.Context, id string, quantity int) error {
	if _, err := s.GetProduct(ctx, id); err != nil {
		return err
	}
	if _, err := s.setStock(ctx, &api.QuantityChange{ProductID: id, Quantity: &quantity}); err != nil {
		return err
	}
	_, err := products.Change(ctx, s.db, id, func(_ *sql.Tx, p *api.Product) error {
		p.Stock, p.UpdatedAt = quantity, time.Now().UTC()
		return nil
	})
	return err
}

func (s *Service) create(ctx context.Context, r *api.Product) (*api.Product, error) {
	p := *r
	return &p, s.CreateProduct(ctx, &p)
}

func (s *Service) update(ctx context.Context, r *api.ProductUpdate) (*api.Product, error) {
	p := r.Product
	p.ID = r.PathID
	return &p, s.UpdateProduct(ctx, &p)
}

func (s *Service) list(ctx context.Context, r *api.ProductFilter) (*api.List[*api.Product], error) {
	found, err := s.SearchProducts(ctx, r.Query)
	if r.Category != "" {
		found = slices.DeleteFunc(found, func(p *api.Product) bool { return p.Category != r.Category })
	}
	return api.ListOf(found), err
}

func (s *Service) updateStock(ctx context.Context, r *api.StockChange) (*api.Product, error) {
	if err := s.UpdateProductStock(ctx, r.ID, *r.Quantity); err != nil {
		return nil, err
	}
	return s.GetProduct(ctx, r.ID)
}

func stockItem(p *api.Product) *api.StockItem {
	return &api.StockItem{ProductID: p.ID, SKU: p.SKU, Quantity: p.Stock, MinLevel: p.MinStock, MaxLevel: p.MaxStock}
}
