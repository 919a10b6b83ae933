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

// demoLimit is how long the demonstration may take.
const demoLimit = time.Minute

// demo seeds the shop, follows one order from the basket to the door, and says
// what to try next.
func (p *platform) demo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	door := rest.Remote(p.door(), http.DefaultClient)
	basket, err := seed(ctx, door)
	if err != nil {
		return err
	}
	steps := make(chan step, 64)
	stop, err := p.follow(time.Now(), steps)
	if err != nil {
		return err
	}
	defer func() { _ = stop(context.WithoutCancel(ctx)) }()

	placed, err := api.CreateOrder.Endpoint(door)(ctx, basket)
	if err != nil {
		return err
	}
	if _, err := api.CreatePayment.Endpoint(door)(ctx, &api.PaymentRequest{OrderID: placed.ID, Method: api.CreditCard}); err != nil {
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

// step is an order in its new status, and the trace in which it took it.
type step struct {
	api.Order
	trace tracing.TraceID
}

// follow hears of the orders that were made since then. It never keeps the bus
// waiting: who does not listen hears nothing.
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
