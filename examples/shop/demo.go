package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/rest"
)

// demoLimit limits the duration of the demo.
const demoLimit = time.Minute

// demo fills the shop, follows one order from basket to delivery, and prints what to try
// next.
func (p *platform) demo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	gateway := rest.Remote(p.gatewayURL(), http.DefaultClient)
	basket, err := seed(ctx, gateway)
	if err != nil {
		return err
	}
	steps := make(chan step, 64)
	stop, err := p.follow(time.Now(), steps)
	if err != nil {
		return err
	}
	defer func() { _ = stop(context.WithoutCancel(ctx)) }()

	placed, err := api.CreateOrder.Endpoint(gateway)(ctx, basket)
	if err != nil {
		return err
	}
	if _, err := api.CreatePayment.Endpoint(gateway)(ctx, &api.PaymentRequest{OrderID: placed.ID, Method: api.CreditCard}); err != nil {
		return err
	}
	last, err := show(ctx, placed.ID, steps)
	if err != nil {
		return err
	}
	p.next(basket, last)
	if last.Status != api.OrderDelivered {
		return fmt.Errorf("order %s was %s; its payment is %s", last.ID, last.Status, last.Payment.Status)
	}
	return nil
}

// step is an order in its new status, and the trace that set it.
type step struct {
	api.Order
	trace tracing.TraceID
}

// follow sends the status changes of orders made since the given time. It never blocks
// the bus: if nobody receives, the step is dropped.
func (p *platform) follow(since time.Time, steps chan<- step) (stop func(context.Context) error, err error) {
	gateway := p.services[len(p.services)-1]
	return api.OrderStatusChanged.Subscribe(gateway, "", func(ctx context.Context, o api.Order) error {
		if o.CreatedAt.Before(since) {
			return nil
		}
		select {
		case steps <- step{o, tracing.SpanContextOf(ctx).TraceID}:
		default:
		}
		return nil
	})
}

// show prints each new status of the order, and returns the last one.
func show(ctx context.Context, id string, steps <-chan step) (step, error) {
	var last step
	for {
		select {
		case s := <-steps:
			if s.ID != id || s.Status == last.Status {
				continue
			}
			last = s
			fmt.Printf("order %s  %-10s  %8s %s  trace %s\n", s.ID, s.Status, s.TotalAmount, s.Currency, s.trace)
			if s.Status == api.OrderDelivered || s.Status == api.OrderCancelled {
				return s, nil
			}
		case <-ctx.Done():
			return last, fmt.Errorf("order %s has not been delivered: %w", id, context.Cause(ctx))
		}
	}
}
