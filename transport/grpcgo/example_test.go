package grpcgo_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/grpcgo"
)

// stock is a service of generated code, as it was before sinew.
type stock struct {
	testpb.UnimplementedTestServiceServer
}

func (stock) UnaryCall(_ context.Context, r *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	if r.GetResponseSize() > 3 {
		return nil, fault.FailedPrecondition.Errorf("only 3 are left").WithReason("insufficient_stock")
	}
	return &testpb.SimpleResponse{Username: "reserved"}, nil
}

func Example() {
	server := grpc.NewServer(grpcgo.Server{Name: "stock"}.Options()...)
	testpb.RegisterTestServiceServer(server, stock{})
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()

	web := sinew.New("web", sinew.Config{
		Addr:   "127.0.0.1:0",
		Static: map[string][]string{"stock": {"http://" + listener.Addr().String()}},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err := web.Start(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	defer web.Shutdown(context.Background())

	conn := grpcgo.NewConn(web.Client("stock"))
	defer conn.Close()
	client := testpb.NewTestServiceClient(conn)

	got, err := client.UnaryCall(context.Background(), &testpb.SimpleRequest{ResponseSize: 2})
	fmt.Println(got.GetUsername(), err)
	_, err = client.UnaryCall(context.Background(), &testpb.SimpleRequest{ResponseSize: 7})
	fmt.Println(status.Code(err), fault.ReasonOf(err))
	// Output:
	// reserved <nil>
	// FailedPrecondition insufficient_stock
}
