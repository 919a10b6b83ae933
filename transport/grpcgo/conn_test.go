package grpcgo_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/transport/grpcgo"
)

// closedAddress is one at which nobody listens.
func closedAddress(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// answering answers with an empty message.
var answering = handlers{unary: func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	return &testpb.SimpleResponse{Username: "ok"}, nil
}}

func TestACallIsRepeatedOnAnInstanceThatWorks(t *testing.T) {
	c := through(t, sinew.ClientPolicy{}, closedAddress(t), serve(t, answering, ours()...))
	for range 20 {
		if got, err := c.UnaryCall(t.Context(), &testpb.SimpleRequest{}); err != nil || got.GetUsername() != "ok" {
			t.Fatalf("%v %v, want an answer of the instance that works", got, err)
		}
	}
}

func TestAHandlerThatRanIsNotRepeated(t *testing.T) {
	var calls atomic.Int64
	h := handlers{unary: func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		calls.Add(1)
		return nil, fault.Unavailable.Errorf("later")
	}}
	_, _ = through(t, sinew.ClientPolicy{}, serve(t, h, ours()...), serve(t, h, ours()...)).UnaryCall(t.Context(), &testpb.SimpleRequest{})
	if got := calls.Load(); got != 1 {
		t.Errorf("%d calls, want 1", got)
	}
}

func TestRepeatsEndWithTheBudget(t *testing.T) {
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	h := handlers{unary: func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		entered <- struct{}{}
		<-leave
		return &testpb.SimpleResponse{}, nil
	}}
	var attempts atomic.Int64
	counting := grpc.ChainUnaryInterceptor(func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		attempts.Add(1)
		return next(ctx, request)
	})
	var addrs []string
	var occupied sync.WaitGroup
	for range 2 { // whose only place is occupied
		full := grpcgo.Server{Name: "stock", Logger: discarded, Limit: limit.Adaptive{Min: 1, Max: 1}}
		addr := serve(t, h, append([]grpc.ServerOption{counting}, full.Options()...)...)
		occupied.Go(func() { _, _ = plain(t, addr).UnaryCall(t.Context(), &testpb.SimpleRequest{}) })
		<-entered
		addrs = append(addrs, addr)
	}
	c := through(t, sinew.ClientPolicy{Limit: limit.Adaptive{Disabled: true}, Breaker: breaker.Policy{Disabled: true}}, addrs...)
	attempts.Store(0)
	const n = 200
	for range n {
		if _, err := c.UnaryCall(t.Context(), &testpb.SimpleRequest{}); fault.ReasonOf(err) != fault.ReasonOverloaded {
			t.Fatalf("a call ended with %v, want a refusal", err)
		}
	}
	close(leave)
	occupied.Wait()
	if got := attempts.Load(); got == n || got > n*3/2 {
		t.Errorf("%d attempts for %d calls, want some repeats, and no more than the budget allows", got, n)
	}
}

func TestTheCallerGetsHeaderTrailerAndPeer(t *testing.T) {
	addr := serve(t, handlers{unary: func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		_ = grpc.SetHeader(ctx, metadata.Pairs("shelf", "7"))
		_ = grpc.SetTrailer(ctx, metadata.Pairs("row", "3"))
		return &testpb.SimpleResponse{}, nil
	}}, ours()...)
	var header, trailer metadata.MD
	var from peer.Peer
	if _, err := through(t, single, addr).UnaryCall(t.Context(), &testpb.SimpleRequest{}, grpc.Header(&header), grpc.Trailer(&trailer), grpc.Peer(&from)); err != nil {
		t.Fatal(err)
	}
	if got := header.Get("shelf"); len(got) != 1 || got[0] != "7" {
		t.Errorf("the header has the shelf %v", got)
	}
	if got := trailer.Get("row"); len(got) != 1 || got[0] != "3" {
		t.Errorf("the trailer has the row %v", got)
	}
	if from.Addr == nil || from.Addr.String() != addr {
		t.Errorf("the peer is %v, want %s", from.Addr, addr)
	}
}

// sending sends n messages, and fails with err.
func sending(n int, err error) handlers {
	return handlers{download: func(_ *testpb.StreamingOutputCallRequest, s grpc.ServerStreamingServer[testpb.StreamingOutputCallResponse]) error {
		for range n {
			if err := s.Send(&testpb.StreamingOutputCallResponse{}); err != nil {
				return err
			}
		}
		return err
	}}
}

func TestAStreamArrivesAndEnds(t *testing.T) {
	s, err := through(t, single, serve(t, sending(3, nil), ours()...)).StreamingOutputCall(t.Context(), &testpb.StreamingOutputCallRequest{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for {
		_, err := s.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d messages, want 3", n)
	}
}

func TestAFailureIsTheLastThingInAStream(t *testing.T) {
	s, err := through(t, single, serve(t, sending(1, fault.OutOfRange.Errorf("no more").WithReason("end")), ours()...)).
		StreamingOutputCall(t.Context(), &testpb.StreamingOutputCallRequest{})
	if err == nil {
		_, err = s.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.Recv(); fault.CodeOf(err) != fault.OutOfRange || fault.ReasonOf(err) != "end" {
		t.Errorf("the stream ends with %v", err)
	}
}

func TestAStreamToTheServerIsAnsweredOnce(t *testing.T) {
	s, err := through(t, single, serve(t, handlers{upload: func(s grpc.ClientStreamingServer[testpb.StreamingInputCallRequest, testpb.StreamingInputCallResponse]) error {
		n := int32(0)
		for {
			r, err := s.Recv()
			if errors.Is(err, io.EOF) {
				return s.SendAndClose(&testpb.StreamingInputCallResponse{AggregatedPayloadSize: n})
			}
			if err != nil {
				return err
			}
			n += int32(len(r.GetPayload().GetBody()))
		}
	}}, ours()...)).StreamingInputCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Send(&testpb.StreamingInputCallRequest{Payload: &testpb.Payload{Body: make([]byte, 4)}}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.CloseAndRecv(); err != nil || got.GetAggregatedPayloadSize() != 8 {
		t.Errorf("%v %v, want 8 bytes", got, err)
	}
}

func TestAStreamBeginsOnAnInstanceThatWorks(t *testing.T) {
	c := through(t, sinew.ClientPolicy{}, closedAddress(t), serve(t, sending(1, nil), ours()...))
	for range 10 {
		s, err := c.StreamingOutputCall(t.Context(), &testpb.StreamingOutputCallRequest{})
		if err == nil {
			_, err = s.Recv()
		}
		if err != nil {
			t.Fatalf("a stream failed: %v", err)
		}
		if _, err := s.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("the stream ends with %v", err)
		}
	}
}

func TestACallerThatGoesEndsTheHandlerOfAStream(t *testing.T) {
	ended := make(chan error, 1)
	c := through(t, single, serve(t, handlers{download: func(_ *testpb.StreamingOutputCallRequest, s grpc.ServerStreamingServer[testpb.StreamingOutputCallResponse]) error {
		_ = s.Send(&testpb.StreamingOutputCallResponse{})
		<-s.Context().Done()
		ended <- s.Context().Err()
		return s.Context().Err()
	}}, ours()...))
	ctx, cancel := context.WithCancel(t.Context())
	s, err := c.StreamingOutputCall(ctx, &testpb.StreamingOutputCallRequest{})
	if err == nil {
		_, err = s.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the context of the handler ended with %v", err)
	}
	if _, err := s.Recv(); fault.CodeOf(err) != fault.Canceled {
		t.Errorf("the caller gets %v", err)
	}
}

func TestACallAfterCloseFails(t *testing.T) {
	conn := grpcgo.NewConn(caller(t, single, serve(t, answering, ours()...)))
	c := testpb.NewTestServiceClient(conn)
	if _, err := c.UnaryCall(t.Context(), &testpb.SimpleRequest{}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UnaryCall(t.Context(), &testpb.SimpleRequest{}); fault.CodeOf(err) != fault.Canceled {
		t.Errorf("a call after Close ends with %v", err)
	}
}
