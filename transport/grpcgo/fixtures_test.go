package grpcgo_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/transport/grpcgo"
)

var (
	discarded = slog.New(slog.NewTextHandler(io.Discard, nil))
	// single makes one attempt per call.
	single = sinew.ClientPolicy{Retry: retry.Policy{Disabled: true}}
)

// handlers are the methods of the service of tests.
type handlers struct {
	testpb.UnimplementedTestServiceServer
	unary    func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error)
	download func(*testpb.StreamingOutputCallRequest, grpc.ServerStreamingServer[testpb.StreamingOutputCallResponse]) error
	upload   func(grpc.ClientStreamingServer[testpb.StreamingInputCallRequest, testpb.StreamingInputCallResponse]) error
}

func (h handlers) UnaryCall(ctx context.Context, r *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	return h.unary(ctx, r)
}

func (h handlers) StreamingOutputCall(r *testpb.StreamingOutputCallRequest, s grpc.ServerStreamingServer[testpb.StreamingOutputCallResponse]) error {
	return h.download(r, s)
}

func (h handlers) StreamingInputCall(s grpc.ClientStreamingServer[testpb.StreamingInputCallRequest, testpb.StreamingInputCallResponse]) error {
	return h.upload(s)
}

// failing fails with err.
func failing(err error) handlers {
	return handlers{unary: func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) { return nil, err }}
}

// serve starts a server of grpc-go, and returns its address.
func serve(t testing.TB, h handlers, options ...grpc.ServerOption) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(options...)
	testpb.RegisterTestServiceServer(s, h)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() {
		s.Stop()
		<-served
	})
	return l.Addr().String()
}

// ours are the options of a server with this package.
func ours() []grpc.ServerOption { return grpcgo.Server{Name: "stock", Logger: discarded}.Options() }

// start starts svc, and stops it when the test ends.
func start(t testing.TB, svc *sinew.Service) *sinew.Service {
	t.Helper()
	if err := svc.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	return svc
}

// caller is the client of a service that calls stock at the addresses.
func caller(t testing.TB, p sinew.ClientPolicy, addrs ...string) *sinew.Client {
	t.Helper()
	urls := make([]string, 0, len(addrs))
	for _, addr := range addrs {
		urls = append(urls, "http://"+addr)
	}
	web := sinew.New("web", sinew.Config{
		Addr: "127.0.0.1:0", Logger: discarded, Static: map[string][]string{"stock": urls}, Clients: map[string]sinew.ClientPolicy{"stock": p},
	})
	return start(t, web).Client("stock")
}

// through is a generated client whose calls go through a sinew.Client.
func through(t testing.TB, p sinew.ClientPolicy, addrs ...string) testpb.TestServiceClient {
	t.Helper()
	c := grpcgo.NewConn(caller(t, p, addrs...))
	t.Cleanup(func() { _ = c.Close() })
	return testpb.NewTestServiceClient(c)
}

// plain is a generated client of grpc-go alone.
func plain(t testing.TB, target string, options ...grpc.DialOption) testpb.TestServiceClient {
	t.Helper()
	c, err := grpc.NewClient(target, append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return testpb.NewTestServiceClient(c)
}
