package api_test

import (
	"testing"

	"github.com/sinew-go/sinew/apitest"
	"github.com/sinew-go/sinew/examples/shop/api"
)

func TestTheContractBreaksNobody(t *testing.T) {
	apitest.Golden(t, "api.golden.json",
		api.UserRoutes, api.ProductRoutes, api.InventoryRoutes, api.StockRoutes, api.OrderRoutes, api.PaymentRoutes, api.ShipmentRoutes, api.OrderMethods,
		api.InventoryCounted, api.OrderCreated, api.OrderStatusChanged, api.PaymentFinished, api.ShipmentMoved,
	)
}
