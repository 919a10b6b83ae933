package main

import (
	"context"
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

// seed fills an empty shop, and gives a buyer and what he wants.
func seed(ctx context.Context, door endpoint.Caller) (buyer *api.User, basket *api.CreateOrderRequest, err error) {
	for i, u := range users {
		seeded, err := seedUser(ctx, door, u)
		if err != nil {
			return nil, nil, err
		}
		if i == 0 {
			buyer = seeded
		}
	}
	basket = &api.CreateOrderRequest{UserID: buyer.ID}
	basket.Shipping.Method = "standard"
	basket.Shipping.Address = api.Address{Street: "1 Main Street", City: "Springfield", PostalCode: "12345", Country: "US"}
	basket.Billing.Address = basket.Shipping.Address
	for i, p := range products {
		seeded, err := seedProduct(ctx, door, p)
		if err != nil {
			return nil, nil, err
		}
		if i < 2 {
			basket.Items = append(basket.Items, api.OrderItemRequest{ProductID: seeded.ID, Quantity: 2 - i})
		}
	}
	return buyer, basket, nil
}

// seedUser makes the user, or finds the one of an earlier run.
func seedUser(ctx context.Context, door endpoint.Caller, u api.User) (*api.User, error) {
	made, err := api.CreateUser.Endpoint(door)(ctx, &api.NewUser{User: u, Password: password})
	if errors.Is(err, fault.AlreadyExists) {
		return api.AuthenticateUser.Endpoint(door)(ctx, &api.Credentials{Email: u.Email, Password: password})
	}
	return made, err
}

// seedProduct makes the product, or finds the one of an earlier run.
func seedProduct(ctx context.Context, door endpoint.Caller, p api.Product) (*api.Product, error) {
	found, err := api.ListProducts.Endpoint(door)(ctx, &api.ProductFilter{Query: p.SKU})
	if err != nil {
		return nil, err
	}
	if len(found.Items) > 0 {
		return found.Items[0], nil
	}
	return api.CreateProduct.Endpoint(door)(ctx, &p)
}
