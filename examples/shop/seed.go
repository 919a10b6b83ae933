package main

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/fault"
)

// password is the password of every user of the demo.
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

// enough is the stock that the demo and its curl lines need of a product.
const enough = 10

// seed fills an empty shop, or finds what it needs in a shop that was used before. It
// returns the basket of the buyer.
func seed(ctx context.Context, gateway call.Caller) (*api.CreateOrderRequest, error) {
	basket := &api.CreateOrderRequest{}
	basket.Shipping.Method = "standard"
	basket.Shipping.Address = api.Address{Street: "1 Main Street", City: "Springfield", PostalCode: "12345", Country: "US"}
	basket.Billing.Address = basket.Shipping.Address
	for i, u := range users {
		seeded, err := seedUser(ctx, gateway, u)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			basket.UserID = seeded.ID
		}
	}
	for i, p := range products {
		seeded, err := seedProduct(ctx, gateway, p)
		if err != nil {
			return nil, err
		}
		if i < 2 {
			basket.Items = append(basket.Items, api.OrderItemRequest{ProductID: seeded.ID, Quantity: 2 - i})
			if err := stockUp(ctx, gateway, seeded.ID); err != nil {
				return nil, err
			}
		}
	}
	return basket, nil
}

// seedUser finds an active user with this name, or creates one.
func seedUser(ctx context.Context, gateway call.Caller, u api.User) (*api.User, error) {
	found, err := api.ListUsers.Endpoint(gateway)(ctx, &api.UserFilter{})
	if err != nil {
		return nil, err
	}
	for _, known := range found.Items {
		if known.Name == u.Name && known.Status == api.UserActive {
			return known, nil
		}
	}
	create := api.CreateUser.Endpoint(gateway)
	made, err := create(ctx, &api.NewUser{User: u, Password: password})
	if errors.Is(err, fault.AlreadyExists) { // the user with this address is not active any more
		u.Email = rand.Text() + "-" + u.Email
		return create(ctx, &api.NewUser{User: u, Password: password})
	}
	return made, err
}

// seedProduct finds a product with this SKU that is sold in USD, or creates one.
func seedProduct(ctx context.Context, gateway call.Caller, p api.Product) (*api.Product, error) {
	found, err := api.ListProducts.Endpoint(gateway)(ctx, &api.ProductFilter{Query: p.SKU})
	if err != nil {
		return nil, err
	}
	for _, known := range found.Items {
		if known.SKU == p.SKU && known.Status == api.ProductActive && known.Currency == "USD" {
			return known, nil
		}
	}
	return api.CreateProduct.Endpoint(gateway)(ctx, &api.NewProduct{Product: p, Price: &p.Price})
}

// stockUp makes sure that enough of the product is available.
func stockUp(ctx context.Context, gateway call.Caller, id string) error {
	i, err := api.GetInventory.Endpoint(gateway)(ctx, &api.ByProduct{ProductID: id})
	if err != nil || i.Available >= enough {
		return err
	}
	more := i.Reserved + enough
	_, err = api.UpdateProductStock.Endpoint(gateway)(ctx, &api.StockChange{ID: id, Quantity: &more})
	return err
}
