package grpc_test

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"testing"

	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/grpc"
)

// The methods of the service with which implementations of gRPC test one another.
var (
	unary     = grpc.Method[*testpb.SimpleRequest, *testpb.SimpleResponse]{Name: "/grpc.testing.TestService/UnaryCall", MaxMessage: 8 << 20}
	empty     = grpc.Method[*testpb.Empty, *testpb.Empty]{Name: "/grpc.testing.TestService/EmptyCall"}
	download  = grpc.ServerStream[*testpb.StreamingOutputCallRequest, *testpb.StreamingOutputCallResponse]{Name: "/grpc.testing.TestService/StreamingOutputCall"}
	upload    = grpc.ClientStream[*testpb.StreamingInputCallRequest, *testpb.StreamingInputCallResponse]{Name: "/grpc.testing.TestService/StreamingInputCall"}
	duplex    = grpc.BidiStream[*testpb.StreamingOutputCallRequest, *testpb.StreamingOutputCallResponse]{Name: "/grpc.testing.TestService/FullDuplexCall"}
	discarded = slog.New(slog.NewTextHandler(io.Discard, nil))
)

// payload has n bytes.
func payload(n int) *testpb.Payload { return &testpb.Payload{Body: make([]byte, n)} }

// start starts svc, and stops it when the test ends.
func start(t testing.TB, svc *sinew.Service) *sinew.Service {
	t.Helper()
	if err := svc.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	return svc
}

// service is one on a free port.
func service(name string, c sinew.Config) *sinew.Service {
	c.Addr, c.Logger = "127.0.0.1:0", discarded
	return sinew.New(name, c)
}

// callerOf returns the client of a started service.
func callerOf(t testing.TB, svc *sinew.Service, p sinew.ClientPolicy) *sinew.Client {
	t.Helper()
	web := sinew.New("web", sinew.Config{
		Addr: "127.0.0.1:0", Logger: discarded, Static: map[string][]string{"stock": {svc.URL()}}, Clients: map[string]sinew.ClientPolicy{"stock": p},
	})
	start(t, web)
	return web.Client("stock")
}

// answer answers with as many bytes as are asked for, or the status that is.
func answer(_ context.Context, r *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	if s := r.GetResponseStatus(); s.GetCode() != 0 {
		return nil, fault.Code(s.GetCode()).Errorf("%s", s.GetMessage())
	}
	return &testpb.SimpleResponse{Payload: payload(int(r.GetResponseSize()))}, nil
}

// count yields a message of each size that is asked for.
func count(_ context.Context, r *testpb.StreamingOutputCallRequest) iter.Seq2[*testpb.StreamingOutputCallResponse, error] {
	return func(yield func(*testpb.StreamingOutputCallResponse, error) bool) {
		for _, p := range r.GetResponseParameters() {
			if !yield(&testpb.StreamingOutputCallResponse{Payload: payload(int(p.GetSize()))}, nil) {
				return
			}
		}
		if s := r.GetResponseStatus(); s.GetCode() != 0 {
			yield(nil, fault.Code(s.GetCode()).Errorf("%s", s.GetMessage()))
		}
	}
}

// sum answers how many bytes it got.
func sum(_ context.Context, all iter.Seq2[*testpb.StreamingInputCallRequest, error]) (*testpb.StreamingInputCallResponse, error) {
	n := 0
	for r, err := range all {
		if err != nil {
			return nil, err
		}
		n += len(r.GetPayload().GetBody())
	}
	return &testpb.StreamingInputCallResponse{AggregatedPayloadSize: int32(n)}, nil //nolint:gosec // small in tests
}

// echo answers each message with those that it asks for.
func echo(ctx context.Context, all iter.Seq2[*testpb.StreamingOutputCallRequest, error]) iter.Seq2[*testpb.StreamingOutputCallResponse, error] {
	return func(yield func(*testpb.StreamingOutputCallResponse, error) bool) {
		for r, err := range all {
			if err != nil {
				yield(nil, err)
				return
			}
			for m, err := range count(ctx, r) {
				if !yield(m, err) || err != nil {
					return
				}
			}
		}
	}
}

// serveTests serves the whole service of tests on mux.
func serveTests(mux grpc.Mux) {
	unary.Handle(mux, answer)
	empty.Handle(mux, func(context.Context, *testpb.Empty) (*testpb.Empty, error) { return &testpb.Empty{}, nil })
	download.Handle(mux, count)
	upload.Handle(mux, sum)
	duplex.Handle(mux, echo)
}

// http2Client speaks HTTP/2 without TLS.
func http2Client() *http.Client {
	t := &http.Transport{Protocols: new(http.Protocols)}
	t.Protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: t}
}

// statusCode is that of a failure of grpc-go.
func statusCode(err error) codes.Code { return status.Code(err) }

// yieldAll yields messages without an error.
func yieldAll[M any](all ...M) iter.Seq2[M, error] {
	return func(yield func(M, error) bool) {
		for _, m := range all {
			if !yield(m, nil) {
				return
			}
		}
	}
}

var _ endpoint.Endpoint[*testpb.SimpleRequest, *testpb.SimpleResponse] = answer
