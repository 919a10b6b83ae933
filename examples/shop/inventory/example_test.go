package inventory_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/inventory"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func ExampleNew() {
	ctx := context.Background()
	db, err := database.Open("", "inventory", inventory.Schema...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer bus.Close(ctx)
	svc := sinew.New("inventory", sinew.Config{Addr: "127.0.0.1:0", Bus: bus})
	defer svc.Shutdown(ctx)
	_, err = inventory.New(svc, db)
	fmt.Println(err, svc.Start(ctx))

	client, three := rest.Remote(svc.URL(), nil), 3
	_, err = api.Stock.Endpoint(client)(ctx, &api.StockItem{ProductID: "p-1", SKU: "S-1", Quantity: 4})
	fmt.Println(err)
	for range 2 {
		stock, err := api.ReserveInventory.Endpoint(client)(ctx, &api.Reservation{ProductID: "p-1", Quantity: &three})
		if errors.Is(err, fault.FailedPrecondition) {
			fmt.Println(err)
			return
		}
		fmt.Println(stock.Available, stock.Reserved)
	}
	// Output:
	// <nil> <nil>
	// <nil>
	// 1 3
	// failed_precondition: 3 of product p-1 are wanted, 1 are available (insufficient_stock)
}
