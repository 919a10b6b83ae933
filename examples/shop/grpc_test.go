package main

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	reflection "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/sinew-go/sinew/examples/shop/api"
	"github.com/sinew-go/sinew/examples/shop/api/pb"
)

// dial connects a stranger's client of gRPC to the gateway.
func (s *shop) dial() *grpc.ClientConn {
	s.Helper()
	c, err := grpc.NewClient(strings.TrimPrefix(s.url(), "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = c.Close() })
	return c
}

func TestAnOrderIsPlacedOverGRPC(t *testing.T) {
	s := openAt(t, "127.0.0.1:0")
	user, product := s.user(), s.product("5.00", 10)
	c := s.dial()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "idempotency-key", "grpc-1")
	request := &pb.CreateOrderRequest{UserId: user, Items: []*pb.OrderItem{{ProductId: product, Quantity: 2}}}
	var first pb.OrderResponse
	for range 2 {
		var got pb.OrderResponse
		if err := c.Invoke(ctx, api.CreateOrderMethod.Name, request, &got); err != nil {
			t.Fatal(err)
		}
		if first.GetOrderId() == "" {
			first.OrderId = got.GetOrderId()
		}
		if got.GetOrderId() != first.GetOrderId() {
			t.Errorf("the repeat placed order %s beside %s", got.GetOrderId(), first.GetOrderId())
		}
	}
	if a := s.ok(200, "GET", "/orders/"+first.GetOrderId(), ""); a.get("total_amount") != "10" && a.get("total_amount") != "10.00" {
		t.Errorf("over REST the order is %v", a.doc)
	}
	var got pb.OrderResponse
	if err := c.Invoke(context.Background(), api.GetOrderMethod.Name, &pb.GetOrderRequest{OrderId: first.GetOrderId()}, &got); err != nil || got.GetStatus() == "" {
		t.Errorf("over gRPC the order is %v, %v", &got, err)
	}
}

func TestARefusedOrderIsAStatusOfGRPC(t *testing.T) {
	s := openAt(t, "127.0.0.1:0")
	c := s.dial()
	for want, request := range map[codes.Code]*pb.CreateOrderRequest{
		codes.InvalidArgument: {UserId: "u-1"},
		codes.NotFound:        {UserId: "u-nobody", Items: []*pb.OrderItem{{ProductId: "p-1", Quantity: 1}}},
	} {
		if err := c.Invoke(context.Background(), api.CreateOrderMethod.Name, request, &pb.OrderResponse{}); status.Code(err) != want {
			t.Errorf("%v is answered with %v, want %s", request, err, want)
		}
	}
}

func TestTheGatewayListsTheServicesOfGRPC(t *testing.T) {
	s := openAt(t, "127.0.0.1:0")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := reflection.NewServerReflectionClient(s.dial()).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Send(&reflection.ServerReflectionRequest{MessageRequest: &reflection.ServerReflectionRequest_ListServices{}}); err != nil {
		t.Fatal(err)
	}
	got, err := r.Recv()
	if err != nil || !strings.Contains(got.String(), "api.OrderService") {
		t.Errorf("it lists %v, %v", got, err)
	}
}
