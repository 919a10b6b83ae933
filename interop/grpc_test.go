package interop_test

import (
	"context"
	"iter"
	"log/slog"
	"net"
	"testing"
	"time"

	"connectrpc.com/connect"
	rpc "google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	grpcinterop "google.golang.org/grpc/interop"
	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/grpc"
)

// The methods of grpc.testing.TestService, with which implementations of gRPC test one
// another.
var (
	unaryCall     = grpc.Method[*testpb.SimpleRequest, *testpb.SimpleResponse]{Name: "/grpc.testing.TestService/UnaryCall"}
	emptyCall     = grpc.Method[*testpb.Empty, *testpb.Empty]{Name: "/grpc.testing.TestService/EmptyCall"}
	streamingOut  = grpc.ServerStream[*testpb.StreamingOutputCallRequest, *testpb.StreamingOutputCallResponse]{Name: "/grpc.testing.TestService/StreamingOutputCall"}
	streamingIn   = grpc.ClientStream[*testpb.StreamingInputCallRequest, *testpb.StreamingInputCallResponse]{Name: "/grpc.testing.TestService/StreamingInputCall"}
	fullDuplex    = grpc.BidiStream[*testpb.StreamingOutputCallRequest, *testpb.StreamingOutputCallResponse]{Name: "/grpc.testing.TestService/FullDuplexCall"}
	unimplemented = grpc.Method[*testpb.Empty, *testpb.Empty]{Name: "/grpc.testing.TestService/UnimplementedCall"}
)

func body(n int32) *testpb.Payload { return &testpb.Payload{Body: make([]byte, n)} }

// echoMetadata sends the metadata back that the test of metadata wants to see again.
func echoMetadata(ctx context.Context) {
	info, ok := connect.CallInfoForHandlerContext(ctx)
	if !ok {
		return
	}
	if v := info.RequestHeader().Get("X-Grpc-Test-Echo-Initial"); v != "" {
		info.ResponseHeader().Set("X-Grpc-Test-Echo-Initial", v)
	}
	if v := info.RequestHeader().Get("X-Grpc-Test-Echo-Trailing-Bin"); v != "" {
		info.ResponseTrailer().Set("X-Grpc-Test-Echo-Trailing-Bin", v)
	}
}

// serveTestService serves the service as its specification wants it.
func serveTestService(mux grpc.Mux) {
	emptyCall.Handle(mux, func(context.Context, *testpb.Empty) (*testpb.Empty, error) { return &testpb.Empty{}, nil })
	unaryCall.Handle(mux, func(ctx context.Context, r *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		echoMetadata(ctx)
		if s := r.GetResponseStatus(); s.GetCode() != 0 {
			return nil, fault.Code(s.GetCode()).Errorf("%s", s.GetMessage())
		}
		return &testpb.SimpleResponse{Payload: body(r.GetResponseSize())}, nil
	})
	output := func(ctx context.Context, r *testpb.StreamingOutputCallRequest) iter.Seq2[*testpb.StreamingOutputCallResponse, error] {
		return func(yield func(*testpb.StreamingOutputCallResponse, error) bool) {
			if s := r.GetResponseStatus(); s.GetCode() != 0 {
				yield(nil, fault.Code(s.GetCode()).Errorf("%s", s.GetMessage()))
				return
			}
			for _, p := range r.GetResponseParameters() {
				select {
				case <-time.After(time.Duration(p.GetIntervalUs()) * time.Microsecond):
				case <-ctx.Done():
					yield(nil, ctx.Err())
					return
				}
				if !yield(&testpb.StreamingOutputCallResponse{Payload: body(p.GetSize())}, nil) {
					return
				}
			}
		}
	}
	streamingOut.Handle(mux, output)
	streamingIn.Handle(mux, func(_ context.Context, all iter.Seq2[*testpb.StreamingInputCallRequest, error]) (*testpb.StreamingInputCallResponse, error) {
		n := 0
		for r, err := range all {
			if err != nil {
				return nil, err
			}
			n += len(r.GetPayload().GetBody())
		}
		return &testpb.StreamingInputCallResponse{AggregatedPayloadSize: int32(n)}, nil //nolint:gosec // small in tests
	})
	fullDuplex.Handle(mux, func(ctx context.Context, all iter.Seq2[*testpb.StreamingOutputCallRequest, error]) iter.Seq2[*testpb.StreamingOutputCallResponse, error] {
		echoMetadata(ctx)
		return func(yield func(*testpb.StreamingOutputCallResponse, error) bool) {
			for r, err := range all {
				if err != nil {
					yield(nil, err)
					return
				}
				for m, err := range output(ctx, r) {
					if !yield(m, err) || err != nil {
						return
					}
				}
			}
		}
	})
}

// started returns a service that serves what prepare adds to it, until the test ends.
func started(t *testing.T, prepare func(*sinew.Service)) *sinew.Service {
	t.Helper()
	svc := sinew.New("test", sinew.Config{Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	prepare(svc)
	if err := svc.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = svc.Shutdown(context.Background()) })
	return svc
}

// connected returns a connection of grpc-go to an address.
func connected(t *testing.T, address string) *rpc.ClientConn {
	t.Helper()
	conn, err := rpc.NewClient(address, rpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// The tests of grpc-go end the process if one of them fails.
func TestTheClientOfGRPCGoPassesItsTestsOnOurServer(t *testing.T) {
	svc := started(t, func(svc *sinew.Service) { serveTestService(svc) })
	conn := connected(t, svc.URL()[len("http://"):])
	client := testpb.NewTestServiceClient(conn)
	for name, run := range map[string]func(context.Context, testpb.TestServiceClient, ...rpc.CallOption){
		"empty unary":                 grpcinterop.DoEmptyUnaryCall,
		"large unary":                 grpcinterop.DoLargeUnaryCall,
		"client streaming":            grpcinterop.DoClientStreaming,
		"server streaming":            grpcinterop.DoServerStreaming,
		"ping pong":                   grpcinterop.DoPingPong,
		"empty stream":                grpcinterop.DoEmptyStream,
		"timeout on sleeping server":  grpcinterop.DoTimeoutOnSleepingServer,
		"cancel after begin":          grpcinterop.DoCancelAfterBegin,
		"cancel after first response": grpcinterop.DoCancelAfterFirstResponse,
		"custom metadata":             grpcinterop.DoCustomMetadata,
		"status code and message":     grpcinterop.DoStatusCodeAndMessage,
		"special status message":      grpcinterop.DoSpecialStatusMessage,
	} {
		t.Run(name, func(t *testing.T) { run(t.Context(), client) })
	}
	t.Run("unimplemented method", func(t *testing.T) { grpcinterop.DoUnimplementedMethod(t.Context(), conn) })
	t.Run("unimplemented service", func(t *testing.T) {
		grpcinterop.DoUnimplementedService(t.Context(), testpb.NewUnimplementedServiceClient(conn))
	})
}

func TestOurClientPassesTheTestsOnTheServerOfGRPCGo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed below
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer()
	testpb.RegisterTestServiceServer(server, grpcinterop.NewTestServer())
	go func() { _ = server.Serve(l) }()
	defer server.Stop()
	web := sinew.New("web", sinew.Config{
		Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler), Static: map[string][]string{"test": {"http://" + l.Addr().String()}},
	})
	defer func() { _ = web.Shutdown(context.Background()) }()
	if err := web.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := web.Client("test")

	t.Run("empty unary", func(t *testing.T) {
		if _, err := emptyCall.Endpoint(c)(t.Context(), &testpb.Empty{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("large unary", func(t *testing.T) {
		got, err := unaryCall.Endpoint(c)(t.Context(), &testpb.SimpleRequest{ResponseType: testpb.PayloadType_COMPRESSABLE, ResponseSize: 314159, Payload: body(271828)})
		if err != nil || len(got.GetPayload().GetBody()) != 314159 {
			t.Errorf("%d bytes, %v", len(got.GetPayload().GetBody()), err)
		}
	})
	t.Run("client streaming", func(t *testing.T) {
		got, err := streamingIn.Endpoint(c)(t.Context(), func(yield func(*testpb.StreamingInputCallRequest, error) bool) {
			for _, n := range []int32{27182, 8, 1828, 45904} {
				if !yield(&testpb.StreamingInputCallRequest{Payload: body(n)}, nil) {
					return
				}
			}
		})
		if err != nil || got.GetAggregatedPayloadSize() != 74922 {
			t.Errorf("%v %v, want 74922", got, err)
		}
	})
	t.Run("server streaming", func(t *testing.T) {
		var got []int
		for m, err := range streamingOut.Endpoint(c)(t.Context(), asking(31415, 9, 2653, 58979)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, len(m.GetPayload().GetBody()))
		}
		if len(got) != 4 || got[0] != 31415 || got[3] != 58979 {
			t.Errorf("messages of %v bytes", got)
		}
	})
	t.Run("ping pong", func(t *testing.T) {
		answered := make(chan struct{})
		n := 0
		for m, err := range fullDuplex.Endpoint(c)(t.Context(), func(yield func(*testpb.StreamingOutputCallRequest, error) bool) {
			for _, size := range []int32{31415, 9, 2653, 58979} {
				if !yield(asking(size), nil) {
					return
				}
				<-answered
			}
		}) {
			if err != nil {
				t.Fatal(err)
			}
			n += len(m.GetPayload().GetBody())
			answered <- struct{}{}
		}
		if n != 31415+9+2653+58979 {
			t.Errorf("%d bytes", n)
		}
	})
	t.Run("empty stream", func(t *testing.T) {
		for _, err := range fullDuplex.Endpoint(c)(t.Context(), func(func(*testpb.StreamingOutputCallRequest, error) bool) {}) {
			t.Errorf("something arrived: %v", err)
		}
	})
	t.Run("timeout on sleeping server", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		wait := make(chan struct{})
		defer close(wait)
		for _, err := range fullDuplex.Endpoint(c)(ctx, func(yield func(*testpb.StreamingOutputCallRequest, error) bool) {
			_ = yield(&testpb.StreamingOutputCallRequest{Payload: body(27182)}, nil)
			<-wait
		}) {
			if fault.CodeOf(err) != fault.DeadlineExceeded {
				t.Errorf("it ends with %v", err)
			}
		}
	})
	t.Run("status code and message", func(t *testing.T) {
		want := &testpb.EchoStatus{Code: 2, Message: "test status message"}
		_, err := unaryCall.Endpoint(c)(t.Context(), &testpb.SimpleRequest{ResponseStatus: want})
		if fault.CodeOf(err) != fault.Unknown || messageOf(err) != want.GetMessage() {
			t.Errorf("the unary call ends with %v", err)
		}
		r := &testpb.StreamingOutputCallRequest{ResponseStatus: want}
		for _, err := range fullDuplex.Endpoint(c)(t.Context(), func(yield func(*testpb.StreamingOutputCallRequest, error) bool) { yield(r, nil) }) {
			if fault.CodeOf(err) != fault.Unknown || messageOf(err) != want.GetMessage() {
				t.Errorf("the stream ends with %v", err)
			}
		}
	})
	t.Run("special status message", func(t *testing.T) {
		const text = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
		_, err := unaryCall.Endpoint(c)(t.Context(), &testpb.SimpleRequest{ResponseStatus: &testpb.EchoStatus{Code: 2, Message: text}})
		if messageOf(err) != text {
			t.Errorf("the message is %q", messageOf(err))
		}
	})
	t.Run("unimplemented method", func(t *testing.T) {
		if _, err := unimplemented.Endpoint(c)(t.Context(), &testpb.Empty{}); fault.CodeOf(err) != fault.Unimplemented {
			t.Errorf("it ends with %v", err)
		}
	})
}

// asking asks for messages of these sizes.
func asking(sizes ...int32) *testpb.StreamingOutputCallRequest {
	r := &testpb.StreamingOutputCallRequest{}
	for _, n := range sizes {
		r.ResponseParameters = append(r.ResponseParameters, &testpb.ResponseParameters{Size: n})
	}
	return r
}

func messageOf(err error) string { return fault.ProblemOf(err).Detail }
