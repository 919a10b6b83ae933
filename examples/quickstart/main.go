// Command quickstart is a service and a client of it in one program.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/registry"
	"github.com/sinew-go/sinew/transport/rest"
)

// Reserve is the contract: all that the two sides share.
var Reserve = rest.Route[*Reservation, *Stock]{Pattern: "POST /inventory/{product_id}/reserve", Keyed: true}

type Reservation struct {
	ProductID string `path:"product_id" json:"-"`
	Quantity  int    `json:"quantity"`
}

type Stock struct {
	ProductID string `json:"product_id"`
	Available int    `json:"available"`
}

func reserve(_ context.Context, r *Reservation) (*Stock, error) {
	if r.ProductID != "p-1" {
		return nil, fault.NotFound.Errorf("no product has the id %q", r.ProductID)
	}
	return &Stock{ProductID: r.ProductID, Available: 10 - r.Quantity}, nil
}

func main() {
	ctx := context.Background()
	reg := registry.NewMemory()

	inventory := sinew.New("inventory", sinew.Config{Addr: "127.0.0.1:0", Registry: reg})
	Reserve.Handle(inventory, reserve)
	if err := inventory.Start(ctx); err != nil {
		log.Fatal(err)
	}
	defer inventory.Shutdown(ctx)

	shop := sinew.New("shop", sinew.Config{Registry: reg})
	defer shop.Shutdown(ctx)
	reserve := Reserve.Endpoint(shop.Client("inventory"))

	stock, err := reserve(ctx, &Reservation{ProductID: "p-1", Quantity: 2})
	fmt.Println(stock.Available, err)
	_, err = reserve(ctx, &Reservation{ProductID: "p-9", Quantity: 2})
	fmt.Println(errors.Is(err, fault.NotFound), err)
}
