package grpcgo_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/grpcgo"
	"github.com/sinew-go/sinew/transport/rest"
)

func TestARefusalOfTheLimitIsUnprocessed(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	addr := serve(t, handlers{unary: func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		entered <- struct{}{}
		<-leave
		return &testpb.SimpleResponse{}, nil
	}}, grpcgo.Server{Name: "stock", Logger: discarded, Limit: limit.Adaptive{Min: 1, Max: 1}}.Options()...)
	c := through(t, single, addr)
	first := make(chan error, 1)
	go func() {
		_, err := c.UnaryCall(t.Context(), &testpb.SimpleRequest{})
		first <- err
	}()
	<-entered
	_, err := c.UnaryCall(t.Context(), &testpb.SimpleRequest{})
	if fault.CodeOf(err) != fault.Unavailable || !fault.IsUnprocessed(err) || fault.ReasonOf(err) != fault.ReasonOverloaded {
		t.Errorf("the refusal is %#v", err)
	}
	close(leave)
	if err := <-first; err != nil {
		t.Errorf("the first call failed: %v", err)
	}
}

func TestAPanicIsAnInternalFailure(t *testing.T) {
	c := through(t, single, serve(t, handlers{
		unary: func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) { panic("secret") },
		download: func(*testpb.StreamingOutputCallRequest, grpc.ServerStreamingServer[testpb.StreamingOutputCallResponse]) error {
			panic("secret")
		},
	}, ours()...))
	_, err := c.UnaryCall(t.Context(), &testpb.SimpleRequest{})
	if s := status.Convert(err); s.Code() != codes.Internal || s.Message() != "internal error" {
		t.Errorf("the caller sees %v", err)
	}
	s, err := c.StreamingOutputCall(t.Context(), &testpb.StreamingOutputCallRequest{})
	if err == nil {
		_, err = s.Recv()
	}
	if s := status.Convert(err); s.Code() != codes.Internal || s.Message() != "internal error" {
		t.Errorf("the caller of the stream sees %v", err)
	}
}

func TestTheDeadlineTravels(t *testing.T) {
	addr := serve(t, handlers{unary: func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		if call.Of(ctx).Deadline.IsZero() {
			return nil, fault.Internal.Errorf("no deadline")
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}}, ours()...)
	for name, c := range map[string]testpb.TestServiceClient{"grpc-go": plain(t, addr), "our caller": through(t, single, addr)} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := c.UnaryCall(ctx, &testpb.SimpleRequest{})
		cancel()
		if status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("%s gets %v", name, err)
		}
	}
}

func TestTheMetadataOfACallTravels(t *testing.T) {
	var got call.Record
	var spans tracing.Recorder
	addr := serve(t, handlers{unary: func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		got = *call.Of(ctx)
		return &testpb.SimpleResponse{}, nil
	}}, grpcgo.Server{Name: "stock", Logger: discarded, Tracer: &spans, Trust: rest.SameMachine}.Options()...)
	ctx, root := spans.Start(t.Context(), "root", tracing.Internal)
	ctx = call.With(ctx, call.Record{RequestID: "r-1", Priority: 3})
	if _, err := through(t, single, addr).UnaryCall(ctx, &testpb.SimpleRequest{}); err != nil {
		t.Fatal(err)
	}
	if got.RequestID != "r-1" || got.Priority != 3 || got.From != "web" || !got.Inbound {
		t.Errorf("the handler has the record %+v", got)
	}
	if all := spans.Spans(); len(all) != 1 || all[0].TraceID != root.Context().TraceID || all[0].Name != testpb.TestService_UnaryCall_FullMethodName {
		t.Errorf("the spans are %+v, want one in the trace of the caller", all)
	}
}

func TestEachRequestIsCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	c := plain(t, serve(t, failing(fault.NotFound.Errorf("no")), grpcgo.Server{Name: "stock", Logger: discarded, Metrics: registry}.Options()...))
	_, _ = c.UnaryCall(t.Context(), &testpb.SimpleRequest{})
	want := `
		# HELP sinew_server_requests_total Calls served, by result.
		# TYPE sinew_server_requests_total counter
		sinew_server_requests_total{code="not_found",operation="/grpc.testing.TestService/UnaryCall",service="stock"} 1
	`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "sinew_server_requests_total"); err != nil {
		t.Error(err)
	}
}
