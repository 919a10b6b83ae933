// Package stock is the logic of the inventory service, without transport.
package stock

import (
	"context"
	"sync"

	"github.com/sinew-go/sinew/examples/inventory/api"
	"github.com/sinew-go/sinew/fault"
)

var (
	mu        sync.Mutex
	available = map[string]int{"p-1": 10}
)

// Reserve reserves a quantity of a product.
func Reserve(_ context.Context, r *api.ReserveRequest) (*api.Inventory, error) {
	mu.Lock()
	defer mu.Unlock()
	n, ok := available[r.ProductID]
	switch {
	case !ok:
		return nil, fault.NotFound.Errorf("no product has the id %q", r.ProductID)
	case n < r.Quantity:
		return nil, fault.FailedPrecondition.Errorf("%d of %s are left", n, r.ProductID).WithReason("insufficient_stock")
	}
	available[r.ProductID] -= r.Quantity
	return &api.Inventory{ProductID: r.ProductID, Available: available[r.ProductID]}, nil
}

// Get returns the available quantity of a product.
func Get(_ context.Context, r *api.StockRequest) (*api.Inventory, error) {
	mu.Lock()
	defer mu.Unlock()
	n, ok := available[r.ProductID]
	if !ok {
		return nil, fault.NotFound.Errorf("no product has the id %q", r.ProductID)
	}
	return &api.Inventory{ProductID: r.ProductID, Available: n}, nil
}
