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
var Reserve = rest.Route[*ReserveRequest, *Inventory]{Pattern: "POST /inventory/{product_id}/reserve", Keyed: true}

type ReserveRequest struct {
	ProductID string `path:"product_id" json:"-"`
	Quantity  int    `json:"quantity"`
}

func (r *ReserveRequest) Validate() error {
	if r.Quantity < 1 {
		return errors.New("quantity must be at least 1")
	}
	return nil
}

type Inventory struct {
	Available int `json:"available"`
}

func reserve(_ context.Context, r *ReserveRequest) (*Inventory, error) {
	if r.ProductID != "p-1" {
		return nil, fault.NotFound.Errorf("no product has the id %q", r.ProductID)
	}
	return &Inventory{Available: 10 - r.Quantity}, nil
}

func main() {
	ctx, reg := context.Background(), registry.NewMemory()
	svc := sinew.New("inventory", sinew.Config{Addr: "127.0.0.1:0", Registry: reg})
	defer svc.Shutdown(ctx)
	Reserve.Handle(svc, reserve)
	if err := svc.Start(ctx); err != nil {
		log.Fatal(err)
	}
	shop := sinew.New("shop", sinew.Config{Registry: reg})
	defer shop.Shutdown(ctx)
	reserve := Reserve.Endpoint(shop.Client("inventory"))
	for _, r := range []*ReserveRequest{{"p-1", 2}, {"p-9", 2}, {"p-1", 0}} {
		if got, err := reserve(ctx, r); err != nil {
			fmt.Println(errors.Is(err, fault.NotFound), err)
		} else {
			fmt.Println(got.Available, "are left")
		}
	}
}
