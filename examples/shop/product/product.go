// Package product is the catalogue of the shop.
package product

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/internal/follow"
	"github.com/sinew-go/sinew/fault"
)

// record is the stored form of a product, with the time of its stock, because counts from
// the inventory may arrive in any order.
type record struct {
	api.Product
	CountedAt time.Time `json:"counted_at"`
}

var products = database.Table[record]{Kind: "product"}

// Schema creates the tables of the service.
var Schema = []string{
	products.Schema(),
	products.Index("category", "", `json_extract(doc, '$.category')`),
	pictures.Schema(),
}

// Service implements [api.ProductService]. The inventory service owns the stock: see
// stock.go.
type Service struct {
	db *sql.DB

	stock    endpoint.Endpoint[*api.StockItem, *api.Inventory]
	restock  endpoint.Endpoint[*api.StockLevels, *api.Inventory]
	unstock  endpoint.Endpoint[*api.ByProduct, endpoint.None]
	setStock endpoint.Endpoint[*api.QuantityChange, *api.Inventory]
}

var _ api.ProductService = (*Service)(nil)

// New serves the products in db on svc, and subscribes to the counts of the inventory.
func New(svc *sinew.Service, db *sql.DB) (*Service, error) {
	inventory := svc.Client("inventory")
	s := &Service{
		db:       db,
		stock:    api.Stock.Endpoint(inventory),
		restock:  api.Restock.Endpoint(inventory),
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
	api.PutPicture.Handle(svc, s.putPicture)
	api.GetPicture.Handle(svc, s.getPicture)
	return s, api.InventoryCounted.Handle(svc, "product", s.onCounted, follow.Safely(svc))
}

// CreateProduct adds the product to the inventory and then to the catalogue, so that
// every visible product can be ordered.
func (s *Service) CreateProduct(ctx context.Context, p *api.Product) error {
	now := time.Now().UTC()
	p.ID, p.CreatedAt, p.UpdatedAt = "p-"+rand.Text(), now, now
	if p.Status == "" {
		p.Status = api.ProductActive
	}
	if p.Currency == "" {
		p.Currency = "USD"
	}
	stocked, err := s.stock(ctx, &api.StockItem{ProductID: p.ID, SKU: p.SKU, Quantity: p.Stock, MinLevel: p.MinStock, MaxLevel: p.MaxStock})
	if err != nil {
		return err
	}
	if err = products.Insert(ctx, s.db, p.ID, &record{*p, stocked.LastUpdated}); err != nil {
		_, _ = s.unstock(context.WithoutCancel(ctx), &api.ByProduct{ProductID: p.ID})
	}
	return err
}

// GetProduct returns the product with this ID, or fault.NotFound.
func (s *Service) GetProduct(ctx context.Context, id string) (*api.Product, error) {
	r, err := products.Get(ctx, s.db, id)
	if err != nil {
		return nil, err
	}
	return &r.Product, nil
}

// UpdateProduct changes a product, except for stock, status and times.
func (s *Service) UpdateProduct(ctx context.Context, p *api.Product) error {
	_, err := products.Change(ctx, s.db, p.ID, func(_ *sql.Tx, r *record) error {
		p.Stock, p.Status, p.CreatedAt, p.UpdatedAt = r.Stock, r.Status, r.CreatedAt, laterThan(r.UpdatedAt)
		if p.Currency == "" {
			p.Currency = r.Currency
		}
		r.Product = *p
		return nil
	})
	if err != nil {
		return err
	}
	_, err = s.restock(ctx, &api.StockLevels{ProductID: p.ID, SKU: p.SKU, MinLevel: p.MinStock, MaxLevel: p.MaxStock, AsOf: p.UpdatedAt})
	return err
}

// DeleteProduct removes the product's inventory and then the product, so that a call that
// fails in between can be repeated.
func (s *Service) DeleteProduct(ctx context.Context, id string) error {
	if _, err := s.GetProduct(ctx, id); err != nil {
		return err
	}
	if _, err := s.unstock(ctx, &api.ByProduct{ProductID: id}); err != nil {
		return err
	}
	if err := pictures.Delete(ctx, s.db, id); err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	return products.Delete(ctx, s.db, id)
}

// GetProductsByCategory lists the products of a category.
func (s *Service) GetProductsByCategory(ctx context.Context, category string) ([]*api.Product, error) {
	return s.where(ctx, `json_extract(doc, '$.category') = ?`, category)
}

// SearchProducts lists the products with the query in their name, description or SKU, in
// upper or lower case.
func (s *Service) SearchProducts(ctx context.Context, query string) ([]*api.Product, error) {
	all, err := s.where(ctx, `true`)
	if err != nil {
		return nil, err
	}
	query = strings.ToLower(query)
	has := func(text string) bool { return strings.Contains(strings.ToLower(text), query) }
	return slices.DeleteFunc(all, func(p *api.Product) bool {
		return !has(p.Name) && !has(p.Description) && !has(p.SKU)
	}), nil
}

func (s *Service) where(ctx context.Context, condition string, args ...any) ([]*api.Product, error) {
	found, err := products.Where(ctx, s.db, condition, args...)
	if err != nil {
		return nil, err
	}
	list := make([]*api.Product, len(found))
	for i, r := range found {
		list[i] = &r.Product
	}
	return list, nil
}

func (s *Service) create(ctx context.Context, r *api.NewProduct) (*api.Product, error) {
	p := r.Product
	p.Price = *r.Price
	return &p, s.CreateProduct(ctx, &p)
}

func (s *Service) update(ctx context.Context, r *api.ProductUpdate) (*api.Product, error) {
	p := r.Product
	p.ID, p.Price = r.PathID, *r.Price
	return &p, s.UpdateProduct(ctx, &p)
}

func (s *Service) list(ctx context.Context, r *api.ProductFilter) (*api.List[*api.Product], error) {
	found, err := s.SearchProducts(ctx, r.Query)
	if r.Category != "" {
		found = slices.DeleteFunc(found, func(p *api.Product) bool { return p.Category != r.Category })
	}
	return api.ListOf(found), err
}

// laterThan returns the current time, or a later one if before is not earlier. If two
// changes reach the inventory in the wrong order, the later one wins.
func laterThan(before time.Time) time.Time {
	now := time.Now().UTC()
	if !now.After(before) {
		return before.Add(1)
	}
	return now
}
