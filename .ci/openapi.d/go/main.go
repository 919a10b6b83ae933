// Command place places an order by the client that is generated from the shop's OpenAPI
// document.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"example.com/place/shop"
)

func main() {
	if err := place(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func place(ctx context.Context, url string) error {
	client, err := shop.NewClientWithResponses(url)
	if err != nil {
		return err
	}
	address := fmt.Sprintf("gus-%d@example.com", time.Now().UnixNano())
	user, err := client.PostUsersWithResponse(ctx, shop.NewUser{Name: "Gus", Email: address, Password: "correct horse"})
	if err != nil || user.JSON201 == nil {
		return fmt.Errorf("the user: %w %s", err, user.Body)
	}
	stock := 3
	product, err := client.PostProductsWithResponse(ctx, shop.NewProduct{Name: "Cup", Sku: "C-1", Price: 4.5, Stock: &stock})
	if err != nil || product.JSON201 == nil {
		return fmt.Errorf("the product: %w %s", err, product.Body)
	}
	key := address
	items := []shop.OrderItemRequest{{ProductId: product.JSON201.Id, Quantity: 2}}
	order, err := client.PostOrdersWithResponse(ctx, &shop.PostOrdersParams{IdempotencyKey: &key},
		shop.CreateOrderRequest{UserId: user.JSON201.Id, Items: items})
	if err != nil || order.JSON201 == nil {
		return fmt.Errorf("the order: %w %s", err, order.Body)
	}
	items[0].Quantity = 9
	refused, err := client.PostOrdersWithResponse(ctx, nil, shop.CreateOrderRequest{UserId: user.JSON201.Id, Items: items})
	if err != nil || refused.ApplicationproblemJSON409 == nil {
		return fmt.Errorf("an order of more than there is: %w %s", err, refused.Body)
	}
	fmt.Printf("go: order %s of %v %s is placed\n", order.JSON201.Id, order.JSON201.TotalAmount, order.JSON201.Currency)
	return nil
}
