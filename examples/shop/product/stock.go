package product

import (
	"context"
	"database/sql"
	"errors"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/fault"
)

// UpdateProductStock sets the stock of the product.
func (s *Service) UpdateProductStock(ctx context.Context, id string, quantity int) error {
	if _, err := s.GetProduct(ctx, id); err != nil {
		return err
	}
	counted, err := s.setStock(ctx, &api.QuantityChange{ProductID: id, Quantity: &quantity})
	if err != nil {
		return err
	}
	return s.note(ctx, counted)
}

func (s *Service) updateStock(ctx context.Context, r *api.StockChange) (*api.Product, error) {
	if err := s.UpdateProductStock(ctx, r.ID, *r.Quantity); err != nil {
		return nil, err
	}
	return s.GetProduct(ctx, r.ID)
}

// onCounted handles a new count of a product.
func (s *Service) onCounted(ctx context.Context, i api.Inventory) error {
	if err := s.note(ctx, &i); !errors.Is(err, fault.NotFound) { // a product that is gone has no stock
		return err
	}
	return nil
}

// note stores the product's stock, unless a later count is known.
func (s *Service) note(ctx context.Context, i *api.Inventory) error {
	_, err := products.Change(ctx, s.db, i.ProductID, func(_ *sql.Tx, r *record) error {
		if i.LastUpdated.After(r.CountedAt) {
			r.Stock, r.CountedAt = i.Quantity, i.LastUpdated
			r.UpdatedAt = laterThan(r.UpdatedAt)
		}
		return nil
	})
	return err
}
