// Package inventory manages the stock of each product, and which orders hold it.
package inventory

import (
	"context"
	"database/sql"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/internal/follow"
)

// Service implements [api.InventoryService].
type Service struct{ stock stock }

var _ api.InventoryService = (*Service)(nil)

// New serves the inventories in db on svc, and subscribes to orders: a shipped order
// removes its pieces, a cancelled or refunded one releases them. svc stores its keyed
// answers in db.
func New(svc *sinew.Service, db *sql.DB) (*Service, error) {
	box, err := database.NewOutbox(db, svc)
	if err != nil {
		return nil, err
	}
	s := &Service{stock{db, box, database.Answers{Store: svc.IdempotencyStore()}}}
	api.GetInventory.Handle(svc, func(ctx context.Context, r *api.ByProduct) (*api.Inventory, error) {
		return s.GetInventory(ctx, r.ProductID)
	})
	api.UpdateInventory.Handle(svc, func(ctx context.Context, r *api.QuantityChange) (*api.Inventory, error) {
		return s.stock.set(ctx, r.ProductID, *r.Quantity)
	})
	api.ReserveInventory.Handle(svc, func(ctx context.Context, r *api.Reservation) (*api.Inventory, error) {
		return s.stock.reserve(ctx, r.ProductID, *r.Quantity)
	})
	api.ReleaseInventory.Handle(svc, func(ctx context.Context, r *api.Reservation) (*api.Inventory, error) {
		return s.stock.release(ctx, r.ProductID, *r.Quantity)
	})
	api.ListInventory.Handle(svc, s.list)
	api.ReorderProduct.Handle(svc, func(ctx context.Context, r *api.ByProduct) (*api.Inventory, error) {
		return s.stock.reorder(ctx, r.ProductID)
	})
	s.serveOthers(svc)
	svc.Go(s.stock.outbox.Run)
	return s, api.OrderStatusChanged.Handle(svc, "inventory", s.follow, follow.Safely(svc))
}

// serveOthers serves the routes that the gateway does not expose.
func (s *Service) serveOthers(svc *sinew.Service) {
	api.Stock.Handle(svc, s.stock.put)
	api.Restock.Handle(svc, s.stock.level)
	api.Unstock.Handle(svc, func(ctx context.Context, r *api.ByProduct) (endpoint.None, error) {
		return endpoint.None{}, s.stock.remove(ctx, r.ProductID)
	})
	api.HoldInventory.Handle(svc, s.stock.hold)
	api.FreeInventory.Handle(svc, func(ctx context.Context, r *api.ByHold) (endpoint.None, error) {
		return endpoint.None{}, s.stock.free(ctx, r.ProductID, r.OrderID)
	})
}

// GetInventory returns a product's inventory, or fault.NotFound.
func (s *Service) GetInventory(ctx context.Context, productID string) (*api.Inventory, error) {
	return s.stock.get(ctx, s.stock.db, productID)
}

// UpdateInventory sets the quantity. It refuses less than what is reserved.
func (s *Service) UpdateInventory(ctx context.Context, productID string, quantity int) error {
	_, err := s.stock.set(ctx, productID, quantity)
	return err
}

// ReserveInventory reserves some of the available pieces.
func (s *Service) ReserveInventory(ctx context.Context, productID string, quantity int) error {
	_, err := s.stock.reserve(ctx, productID, quantity)
	return err
}

// ReleaseInventory releases some of the reserved pieces that no order holds.
func (s *Service) ReleaseInventory(ctx context.Context, productID string, quantity int) error {
	_, err := s.stock.release(ctx, productID, quantity)
	return err
}

// GetLowStockItems lists the inventories with no more pieces available than their
// minimum.
func (s *Service) GetLowStockItems(ctx context.Context) ([]*api.Inventory, error) {
	return s.stock.where(ctx, s.stock.db, `quantity - reserved <= min_level`)
}

// ReorderProduct adds the product's reorder quantity.
func (s *Service) ReorderProduct(ctx context.Context, productID string) error {
	_, err := s.stock.reorder(ctx, productID)
	return err
}

func (s *Service) list(ctx context.Context, r *api.InventoryFilter) (*api.List[*api.Inventory], error) {
	var found []*api.Inventory
	var err error
	if r.LowStock {
		found, err = s.GetLowStockItems(ctx)
	} else {
		found, err = s.stock.where(ctx, s.stock.db, `true`)
	}
	return api.ListOf(found), err
}

func (s *Service) follow(ctx context.Context, o api.Order) error {
	switch o.Status {
	case api.OrderShipped:
		return s.stock.settle(ctx, o.ID, stateShipped)
	case api.OrderCancelled, api.OrderRefunded:
		return s.stock.settle(ctx, o.ID, stateFreed)
	}
	return nil
}
