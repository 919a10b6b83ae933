package main

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/fault"
)

// password is that of every user of the demo.
const password = "correct horse"

var (
	users = []api.User{
		{Name: "Ann Buyer", Email: "ann@example.com"},
		{Name: "Max Manager", Email: "max@example.com", Role: api.RoleManager},
	}
	products = []api.Product{
		{Name: "Red shirt", SKU: "SHIRT-RED", Category: "clothes", Brand: "Loom", Price: 1999, Stock: 100, MinStock: 10, MaxStock: 200, Description: "A shirt, and red."},
		{Name: "Blue jeans", SKU: "JEANS-BLUE", Category: "clothes", Brand: "Loom", Price: 4999, Stock: 50, MinStock: 5, MaxStock: 100, Description: "They last."},
		{Name: "Tea cup", SKU: "CUP-TEA", Category: "kitchen", Brand: "Kiln", Price: 799, Stock: 8, MinStock: 10, MaxStock: 60, Description: "Holds tea."},
	}
)

// enough is how many pieces the demo and its curl lines want of a product.
const enough = 10

// seed fills an empty shop, or finds what it needs in one that was used, whatever
// was done to it. It gives what the buyer wants.
func seed(ctx context.Context, door endpoint.Caller) (*api.CreateOrderRequest, error) {
	basket := &api.CreateOrderRequest{}
	basket.Shipping.Method = "standard"
	basket.Shipping.Address = api.Address{Street: "1 Main Street", City: "Springfield", PostalCode: "12345", Country: "US"}
	basket.Billing.Address = basket.Shipping.Address
	for i, u := range users {
		seeded, err := seedUser(ctx, door, u)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			basket.UserID = seeded.ID
		}
	}
	for i, p := range products {
		seeded, err := seedProduct(ctx, door, p)
		if err != nil {
			return nil, err
		}
		if i < 2 {
			basket.Items = append(basket.Items, api.OrderItemRequest{ProductID: seeded.ID, Quantity: 2 - i})
			if err := stockUp(ctx, door, seeded.ID); err != nil {
				return nil, err
			}
		}
	}
	return basket, nil
}

// seedUser finds an active user of this name, or makes one.
func seedUser(ctx context.Context, door endpoint.Caller, u api.User) (*api.User, error) {
	found, err := api.ListUsers.Endpoint(door)(ctx, &api.UserFilter{})
	if err != nil {
		return nil, err
	}
	for _, known := range found.Items {
		if known.Name == u.Name && known.Status == api.UserActive {
			return known, nil
		}
	}
	create := api.CreateUser.Endpoint(door)
	made, err := create(ctx, &api.NewUser{User: u, Password: password})
	if errors.Is(err, fault.AlreadyExists) { // the one with this address is not active any more
		u.Email = rand.Text() + "-" + u.Email
		return create(ctx, &api.NewUser{User: u, Password: password})
	}
	return made, err
}

// seedProduct finds a product with this SKU that is sold for dollars, or makes
// one.
func seedProduct(ctx context.Context, door endpoint.Caller, p api.Product) (*api.Product, error) {
	found, err := api.ListProducts.Endpoint(door)(ctx, &api.ProductFilter{Query: p.SKU})
	if err != nil {
		return nil, err
	}
	for _, known := range found.Items {
		if known.SKU == p.SKU && known.Status == api.ProductActive && known.Currency == "USD" {
			return known, nil
		}
	}
	return api.CreateProduct.Endpoint(door)(ctx, &api.NewProduct{Product: p, Price: &p.Price})
}

// stockUp sees to it that enough of the product is available.
func stockUp(ctx context.Context, door endpoint.Caller, id string) error {
	i, err := api.GetInventory.Endpoint(door)(ctx, &api.ByProduct{ProductID: id})
	if err != nil || i.Available >= enough {
		return err
	}
	more := i.Reserved + enough
	_, err = api.UpdateProductStock.Endpoint(door)(ctx, &api.StockChange{ID: id, Quantity: &more})
	return err
}
