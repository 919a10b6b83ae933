package order_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/order"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func ExampleNew() {
	ctx := context.Background()
	db, err := database.Open("", "order")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer bus.Close(ctx)
	svc := sinew.New("order", sinew.Config{Addr: "127.0.0.1:0", Bus: bus})
	defer svc.Shutdown(ctx)
	_, err = order.New(svc, db, order.Embedded(db))
	fmt.Println(err, svc.Start(ctx))

	_, err = api.CreateOrder.Endpoint(rest.Remote(svc.URL(), nil))(ctx, &api.CreateOrderRequest{UserID: "u-1"})
	fmt.Println(errors.Is(err, fault.InvalidArgument), err)
	// Output:
	// <nil> <nil>
	// true invalid_argument: items must hold at least one item
}
