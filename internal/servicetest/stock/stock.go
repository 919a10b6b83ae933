// Package stock implements the inventory service of package api: it has ten of product
// p-1 at each call, and knows no other product.
package stock

import (
	"context"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/servicetest/api"
)

var shelf = map[string]int{"p-1": 10}

// Reserve answers with what would be left, and with NotFound for an unknown product.
func Reserve(_ context.Context, r *api.ReserveRequest) (*api.Inventory, error) {
	n, ok := shelf[r.ProductID]
	if !ok {
		return nil, fault.NotFound.Errorf("no product has the id %q", r.ProductID)
	}
	return &api.Inventory{ProductID: r.ProductID, Available: n - r.Quantity}, nil
}

// Get answers with what there is of a product: nothing of an unknown one.
func Get(_ context.Context, r *api.StockRequest) (*api.Inventory, error) {
	return &api.Inventory{ProductID: r.ProductID, Available: shelf[r.ProductID]}, nil
}
