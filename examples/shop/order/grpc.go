package order

import (
	"context"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/api/pb"
)

// serveGRPC serves the methods of the service on svc, by the handlers of its routes.
func (s *Service) serveGRPC(svc *sinew.Service) {
	create := endpoint.New(s.create).With(endpoint.Validate())
	get := endpoint.New(func(ctx context.Context, r *api.ByID) (*api.Order, error) { return s.GetOrder(ctx, r.ID) }).With(endpoint.Validate())
	api.CreateOrderMethod.Handle(svc, func(ctx context.Context, r *pb.CreateOrderRequest) (*pb.OrderResponse, error) {
		o := &api.CreateOrderRequest{UserID: r.GetUserId()}
		for _, item := range r.GetItems() {
			o.Items = append(o.Items, api.OrderItemRequest{ProductID: item.GetProductId(), Quantity: int(item.GetQuantity())})
		}
		return response(create(ctx, o))
	})
	api.GetOrderMethod.Handle(svc, func(ctx context.Context, r *pb.GetOrderRequest) (*pb.OrderResponse, error) {
		return response(get(ctx, &api.ByID{ID: r.GetOrderId()}))
	})
}

func response(o *api.Order, err error) (*pb.OrderResponse, error) {
	if err != nil {
		return nil, err
	}
	return message(o), nil
}

func message(o *api.Order) *pb.OrderResponse {
	return &pb.OrderResponse{OrderId: o.ID, Status: string(o.Status)}
}
