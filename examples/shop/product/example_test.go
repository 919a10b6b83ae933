package product_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/examples/shop/product"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/rest"
)

func ExampleNew() {
	ctx := context.Background()
	db, err := database.Open("", "product", product.Schema...)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	bus := eventbus.NewMemory(eventbus.MemoryPolicy{})
	defer bus.Close(ctx)
	svc := sinew.New("product", sinew.Config{Addr: "127.0.0.1:0", Bus: bus})
	defer svc.Shutdown(ctx)
	_, err = product.New(svc, db)
	fmt.Println(err, svc.Start(ctx))

	found, err := api.ListProducts.Endpoint(rest.Remote(svc.URL(), nil))(ctx, &api.ProductFilter{Query: "shirt"})
	fmt.Println(len(found.Items), err)
	_, err = api.GetProduct.Endpoint(rest.Remote(svc.URL(), nil))(ctx, &api.ByID{ID: "p-9"})
	fmt.Println(errors.Is(err, fault.NotFound))
	// Output:
	// <nil> <nil>
	// 0 <nil>
	// true
}
