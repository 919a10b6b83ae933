package interop_test

// The section of docs/migrating-from-go-kit.md about gRPC.

import (
	"context"
	"errors"
	"net"
	"testing"

	kitgrpc "github.com/go-kit/kit/transport/grpc"
	rpc "google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/grpc"
	"github.com/sinew-go/sinew/transport/grpcgo"
)

type (
	Sizes = testpb.SimpleRequest
	Bytes = testpb.SimpleResponse
)

// pass is a decoder or encoder for what needs none: the message is the request.
func pass(_ context.Context, message any) (any, error) { return message, nil }

// sizesServer serves an endpoint with go-kit's transport.
type sizesServer struct {
	testpb.UnimplementedTestServiceServer
	unary kitgrpc.Handler
}

func newSizesServer(e endpoint.Endpoint[*Sizes, *Bytes]) testpb.TestServiceServer {
	return &sizesServer{unary: kitgrpc.NewServer(e.Kit(), pass, pass)}
}

func (s *sizesServer) UnaryCall(ctx context.Context, r *Sizes) (*Bytes, error) {
	_, answer, err := s.unary.ServeGRPC(ctx, r)
	if err != nil {
		return nil, err
	}
	return answer.(*Bytes), nil
}

// calledByKit calls with go-kit's transport.
func calledByKit(conn *rpc.ClientConn) endpoint.Endpoint[*Sizes, *Bytes] {
	e := kitgrpc.NewClient(conn, "grpc.testing.TestService", "UnaryCall", pass, pass, Bytes{}).Endpoint()
	return endpoint.FromKit[*Sizes, *Bytes](e)
}

func sizes(_ context.Context, r *Sizes) (*Bytes, error) {
	if r.GetResponseSize() < 0 {
		return nil, fault.NotFound.Errorf("nothing has a negative size").WithReason("negative")
	}
	return &Bytes{Payload: body(r.GetResponseSize())}, nil
}

func TestKitsTransportOverGRPCMovesOverOneSideAtATime(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed with the server
	if err != nil {
		t.Fatal(err)
	}
	kits := rpc.NewServer(grpcgo.Server{}.Options()...) // one line gives it limit, metrics, traces and statuses
	testpb.RegisterTestServiceServer(kits, newSizesServer(sizes))
	go func() { _ = kits.Serve(l) }()
	defer kits.Stop()

	ours := started(t, func(svc *sinew.Service) {
		unaryCall.Handle(svc, sizes)
	})

	addresses := map[string]string{"go-kit's server": l.Addr().String(), "ours": ours.URL()[len("http://"):]}
	for server, address := range addresses {
		conn := connected(t, address)
		var our call.Caller = grpc.Remote("http://"+address, nil)
		for client, e := range map[string]endpoint.Endpoint[*Sizes, *Bytes]{"go-kit's client": calledByKit(conn), "ours": unaryCall.Endpoint(our)} {
			t.Run(client+" calls "+server, func(t *testing.T) {
				answer, err := e(t.Context(), &Sizes{ResponseSize: 3})
				if n := len(answer.GetPayload().GetBody()); err != nil || n != 3 {
					t.Errorf("the answer has %d bytes, and the error is %v; want 3 bytes", n, err)
				}
				_, err = e(t.Context(), &Sizes{ResponseSize: -1})
				if !errors.Is(err, fault.NotFound) && status.Code(err) != codes.NotFound {
					t.Errorf("the failure is %v; want not found", err)
				}
			})
		}
	}
}
