package interop_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"testing"
	"time"

	rpc "google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/grpc"
	"github.com/sinew-go/sinew/transport/grpcgo"
)

// failingServer is a server of grpc-go whose unary call fails.
type failingServer struct {
	testpb.UnimplementedTestServiceServer
	err error
}

// UnaryCall implements testpb.TestServiceServer.
func (s failingServer) UnaryCall(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	return nil, s.err
}

func TestAFailureCrossesBothTransportsOfGRPCWhole(t *testing.T) {
	sent := fault.FailedPrecondition.Errorf("only 3 left — häppchenweise").WithReason("insufficient_stock").WithRetryAfter(1500 * time.Millisecond)
	sent.Violations = []fault.Violation{{Pointer: "/lines/0/quantity", Detail: "it is more than 3"}}
	discarding := slog.New(slog.DiscardHandler)

	svc := sinew.New("stock", sinew.Config{Addr: "127.0.0.1:0", Logger: discarding})
	unaryCall.Handle(svc, func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) { return nil, sent })
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer svc.Shutdown(context.Background())
	conn := grpcgo.NewConn(grpc.Remote(svc.URL(), nil))
	defer conn.Close()

	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(grpcgo.Server{Name: "stock", Logger: discarding}.Options()...)
	testpb.RegisterTestServiceServer(server, failingServer{err: sent})
	go func() { _ = server.Serve(l) }()
	defer server.Stop()

	_, fromService := testpb.NewTestServiceClient(conn).UnaryCall(t.Context(), &testpb.SimpleRequest{})
	_, fromServer := unaryCall.Endpoint(grpc.Remote("http://"+l.Addr().String(), nil))(t.Context(), &testpb.SimpleRequest{})
	_, unknown := testpb.NewTestServiceClient(conn).EmptyCall(t.Context(), &testpb.Empty{})
	for where, err := range map[string]error{"a Service to grpc-go": fromService, "grpc-go to a Method": fromServer} {
		got, ok := errors.AsType[*fault.Error](err)
		if !ok {
			t.Errorf("from %s comes no fault: %v", where, err)
			continue
		}
		if got.Code != sent.Code || got.Message != sent.Message || got.Reason != sent.Reason || got.RetryAfter != sent.RetryAfter {
			t.Errorf("from %s comes %#v, want %#v", where, got, sent)
		}
		if !slices.Equal(got.Violations, sent.Violations) {
			t.Errorf("from %s come the violations %v, want %v", where, got.Violations, sent.Violations)
		}
	}
	if fault.CodeOf(unknown) != fault.Unimplemented {
		t.Errorf("a method that nobody serves is %v", unknown)
	}
}
