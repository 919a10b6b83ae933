package order

import (
	"context"
	"crypto/rand"
	"errors"
	"math"
	"time"

	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/fault"
)

func (s *Service) create(ctx context.Context, r *api.CreateOrderRequest) (*api.Order, error) {
	o := &api.Order{UserID: r.UserID, Shipping: r.Shipping, Billing: r.Billing}
	for _, item := range r.Items {
		o.Items = append(o.Items, api.OrderItem{ProductID: item.ProductID, Quantity: item.Quantity})
	}
	if err := s.CreateOrder(ctx, o); err != nil {
		return nil, err
	}
	return o, nil
}

// CreateOrder accepts an order of an active user for existing products: it is stored as
// pending and then processed. If that fails, the order is cancelled and nothing stays
// reserved. A repeat of the same keyed request continues with the order that it created.
func (s *Service) CreateOrder(ctx context.Context, o *api.Order) error {
	request := database.Request(ctx, o)
	if found, err := s.resume(ctx, request, o); found || err != nil {
		return err
	}
	buyer, err := s.user(ctx, &api.ByID{ID: o.UserID})
	if err != nil {
		return err
	}
	if buyer.Status != api.UserActive {
		return api.Conflict("user_not_active", "user %s is %s", buyer.ID, buyer.Status)
	}
	if err := s.price(ctx, o); err != nil {
		return err
	}
	ctx, cancel := detached(ctx) // what is stored must be completed
	defer cancel()
	now := time.Now().UTC()
	o.ID, o.Status, o.CreatedAt, o.UpdatedAt = "o-"+rand.Text(), api.OrderPending, now, now
	if err := accepted.Publish(ctx, s.store.To(orders.Stream(o.ID), eventstore.NoStream), orderAccepted{*o, request}); err != nil {
		return err
	}
	return s.ProcessOrder(ctx, o.ID)
}

// resume completes the order that the same request created, if there is one that was not
// cancelled.
func (s *Service) resume(ctx context.Context, request string, o *api.Order) (found bool, err error) {
	if request == "" {
		return false, nil
	}
	all, err := s.find(ctx, `request = ? AND status <> 'cancelled'`, request)
	if err != nil || len(all) == 0 {
		return false, err
	}
	ctx, cancel := detached(ctx)
	defer cancel()
	*o = all[0].Order
	return true, s.ProcessOrder(ctx, o.ID)
}

// ProcessOrder begins the saga of an order, once, and waits until the order has reserved its
// stock. Its error is why that failed, after which the order is cancelled.
func (s *Service) ProcessOrder(ctx context.Context, orderID string) error {
	if _, err := s.GetOrder(ctx, orderID); err != nil {
		return err
	}
	if err := s.fulfilments.Start(ctx, orderID, Fulfilment{orderID}); err != nil {
		return err
	}
	_, err := s.fulfilments.Wait(ctx, orderID, "place")
	if ctx.Err() != nil {
		ctx, cancel := detached(ctx)
		defer cancel()
		_, cancelled := s.setStatus(ctx, orderID, api.OrderCancelled)
		err = errors.Join(err, cancelled)
	}
	return err
}

// price looks up every product and computes the total in whole cents.
func (s *Service) price(ctx context.Context, o *api.Order) error {
	for i := range o.Items {
		item := &o.Items[i]
		p, err := s.product(ctx, &api.ByID{ID: item.ProductID})
		switch {
		case err != nil:
			return err
		case p.Status != api.ProductActive:
			return api.Conflict("product_not_active", "product %s is %s", p.ID, p.Status)
		case o.Currency != "" && o.Currency != p.Currency:
			return api.Conflict("mixed_currencies", "product %s is sold in %s, others of the order in %s", p.ID, p.Currency, o.Currency)
		case p.Price > 0 && item.Quantity > math.MaxInt64/int(p.Price):
			return fault.InvalidArgument.Errorf("items[%d].quantity is too large", i)
		}
		item.ID, item.ProductName, item.SKU = rand.Text(), p.Name, p.SKU
		item.UnitPrice, item.TotalPrice = p.Price, p.Price*api.Money(item.Quantity)
		if o.TotalAmount > math.MaxInt64-item.TotalPrice {
			return fault.InvalidArgument.Errorf("the order's total is too large")
		}
		o.Currency, o.TotalAmount = p.Currency, o.TotalAmount+item.TotalPrice
	}
	return nil
}

// pieces is the number of pieces of each product in all items of the order.
func pieces(o *api.Order) map[string]int {
	n := map[string]int{}
	for _, item := range o.Items {
		n[item.ProductID] += item.Quantity
	}
	return n
}
