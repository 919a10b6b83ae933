package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// demo seeds the shop, follows one order from the basket to the door, and says
// what to try next.
func (p *platform) demo(ctx context.Context) error {
	door := rest.At(p.door(), http.DefaultClient)
	buyer, basket, err := seed(ctx, door)
	if err != nil {
		return err
	}
	delivered := make(chan struct{})
	stop, err := p.follow(delivered)
	if err != nil {
		return err
	}
	defer func() { _ = stop(context.WithoutCancel(ctx)) }()

	fmt.Printf("%s orders %d products\n", buyer.Name, len(basket.Items))
	placed, err := api.CreateOrder.Endpoint(door)(ctx, basket)
	if err != nil {
		return err
	}
	if _, err := api.CreatePayment.Endpoint(door)(ctx, &api.PaymentRequest{OrderID: placed.ID, Method: api.CreditCard}); err != nil {
		return err
	}
	select {
	case <-delivered:
	case <-ctx.Done():
		return ctx.Err()
	}
	p.next(basket, placed)
	return nil
}

// follow prints each status that an order takes, with the trace in which it
// took it, and closes delivered at the end.
func (p *platform) follow(delivered chan struct{}) (stop func(context.Context) error, err error) {
	seen := map[api.OrderStatus]bool{}
	svc := p.services[len(p.services)-1]
	return api.OrderStatusChanged.Subscribe(svc, "", func(ctx context.Context, o api.Order) error {
		if seen[o.Status] {
			return nil
		}
		seen[o.Status] = true
		fmt.Printf("order %s  %-10s  %8s %s  trace %s\n", o.ID, o.Status, o.TotalAmount, o.Currency, tracing.SpanContextOf(ctx).TraceID)
		if o.Status == api.OrderDelivered {
			close(delivered)
		}
		return nil
	})
}
