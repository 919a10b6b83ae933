package logistics_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/logistics"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func ExampleNew() {
	ctx := context.Background()
	db, err := database.Open("", "logistics", logistics.Schema...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer bus.Close(ctx)
	svc := sinew.New("logistics", sinew.Config{Addr: "127.0.0.1:0", Bus: bus})
	defer svc.Shutdown(ctx)
	_, err = logistics.New(svc, db)
	fmt.Println(err, svc.Start(ctx))

	shipments, err := api.ListShipments.Endpoint(rest.Remote(svc.URL(), nil))(ctx, &api.ShipmentFilter{OrderID: "o-1"})
	fmt.Println(len(shipments.Items), errors.Is(err, fault.NotFound))
	// Output:
	// <nil> <nil>
	// 0 false
}
