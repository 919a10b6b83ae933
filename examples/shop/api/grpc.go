package api

import (
	"github.com/sinew-go/sinew/examples/shop/api/pb"
	"github.com/sinew-go/sinew/transport/grpc"
)

// The methods of the order service, for those who speak gRPC. They do what the routes of
// the same names do.
var (
	CreateOrderMethod = grpc.Method[*pb.CreateOrderRequest, *pb.OrderResponse]{Name: "/api.OrderService/CreateOrder", Keyed: true}
	GetOrderMethod    = grpc.Method[*pb.GetOrderRequest, *pb.OrderResponse]{Name: "/api.OrderService/GetOrder"}

	OrderMethods = []grpc.Forwarder{CreateOrderMethod, GetOrderMethod}
)
