// Package order accepts orders and manages them until their end.
package order

import (
	"context"
	"database/sql"
	"time"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/eventbus/eventstore"
	"github.com/sinew-go/sinew/eventbus/outbox"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/internal/database"
	"github.com/sinew-go/sinew/saga"
)

// Service implements [api.OrderService].
type Service struct {
	db          *sql.DB
	store       *eventstore.Store // an order is the fold of its events
	listing     *eventstore.Projector
	outbox      *outbox.Outbox
	fulfilments saga.Runner[Fulfilment]

	watchers watchers

	user    endpoint.Endpoint[*api.ByID, *api.User]
	product endpoint.Endpoint[*api.ByID, *api.Product]
	hold    endpoint.Endpoint[*api.Hold, *api.Inventory]
	free    endpoint.Endpoint[*api.ByHold, endpoint.None]
	repay   endpoint.Endpoint[*api.ByOrder, endpoint.None]
	send    endpoint.Endpoint[*api.ByOrder, *api.Shipment]
}

var _ api.OrderService = (*Service)(nil)

// New serves the orders in db on svc, and subscribes to payments and shipments. Each order
// has a run of a saga, which runs makes.
func New(svc *sinew.Service, db *sql.DB, runs Runs) (*Service, error) {
	box, err := database.NewOutbox(db, svc)
	if err != nil {
		return nil, err
	}
	store, err := database.NewStore(db)
	if err != nil {
		return nil, err
	}
	inventory := svc.Client("inventory")
	s := &Service{
		db:      db,
		outbox:  box,
		store:   store,
		listing: store.Project(listing),
		user:    api.GetUser.Endpoint(svc.Client("user")),
		product: api.GetProduct.Endpoint(svc.Client("product")),
		hold:    api.HoldInventory.Endpoint(inventory),
		free:    api.FreeInventory.Endpoint(inventory),
		repay:   api.RefundOrder.Endpoint(svc.Client("payment")),
		send:    api.ShipOrder.Endpoint(svc.Client("logistics")),
	}
	if err := s.listing.Create(context.Background()); err != nil {
		return nil, err
	}
	if s.fulfilments, err = runs(context.Background(), s.fulfil()); err != nil {
		return nil, err
	}
	api.CreateOrder.Handle(svc, s.create)
	api.GetOrder.Handle(svc, func(ctx context.Context, r *api.ByID) (*api.Order, error) { return s.GetOrder(ctx, r.ID) })
	api.UpdateOrder.Handle(svc, s.update)
	api.CancelOrder.Handle(svc, func(ctx context.Context, r *api.ByID) (*api.Order, error) {
		return s.setStatus(ctx, r.ID, api.OrderCancelled)
	})
	api.ListOrders.Handle(svc, s.list)
	api.UpdateOrderStatus.Handle(svc, func(ctx context.Context, r *api.OrderStatusChange) (*api.Order, error) {
		return s.setStatus(ctx, r.ID, r.Status)
	})
	api.WatchOrder.Handle(svc, s.watch)
	s.serveGRPC(svc)
	svc.Go(s.outbox.Run)
	svc.Go(s.listing.Run)
	svc.Go(s.fulfilments.Run)
	svc.Go(s.sweep)
	return s, s.follow(svc)
}

// GetOrder returns the order with this ID, or fault.NotFound.
func (s *Service) GetOrder(ctx context.Context, id string) (*api.Order, error) {
	r, version, err := orders.Load(ctx, s.store, id)
	if err == nil && version == eventstore.NoStream {
		err = missing(id)
	}
	if err != nil {
		return nil, err
	}
	return &r.Order, nil
}

// UpdateOrder changes shipping, billing and metadata of the order.
func (s *Service) UpdateOrder(ctx context.Context, o *api.Order) error {
	r, err := s.change(ctx, o.ID, func(ctx context.Context, _ record, to eventbus.Publisher) error {
		return edited.Publish(ctx, to, orderEdited{o.Shipping.Method, o.Shipping.Address, o.Billing, o.Metadata, time.Now().UTC()})
	})
	if err == nil {
		*o = r.Order
	}
	return err
}

// CancelOrder cancels the order and releases its stock. An order that is with logistics
// cannot be cancelled.
func (s *Service) CancelOrder(ctx context.Context, id string) error {
	return s.UpdateOrderStatus(ctx, id, api.OrderCancelled)
}

// GetOrdersByUser lists the orders of a user, or all if userID is "".
func (s *Service) GetOrdersByUser(ctx context.Context, userID string) ([]*api.Order, error) {
	found, err := s.find(ctx, `? = '' OR user_id = ?`, userID, userID)
	if err != nil {
		return nil, err
	}
	list := make([]*api.Order, len(found))
	for i, r := range found {
		list[i] = &r.Order
	}
	return list, nil
}

// UpdateOrderStatus changes the status of the order to one that may follow.
func (s *Service) UpdateOrderStatus(ctx context.Context, id string, status api.OrderStatus) error {
	_, err := s.setStatus(ctx, id, status)
	return err
}

func (s *Service) update(ctx context.Context, r *api.OrderUpdate) (*api.Order, error) {
	o := r.Order
	o.ID = r.PathID
	return &o, s.UpdateOrder(ctx, &o)
}

func (s *Service) list(ctx context.Context, r *api.OrderFilter) (*api.List[*api.Order], error) {
	found, err := s.GetOrdersByUser(ctx, r.UserID)
	return api.ListOf(found), err
}
