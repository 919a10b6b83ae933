package grpcgo_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/sinew-go/sinew/breaker"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/loadbalance"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/tracing"
	"github.com/sinew-go/sinew/transport/grpcgo"
	"github.com/sinew-go/sinew/transport/rest"
)

// codeOf is the class of an error of grpc-go.
func codeOf(err error) fault.Code { return fault.Code(status.Code(err)) }

func TestAnInterceptedCallIsRepeatedOnAnotherInstance(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	full := serve(t, handlers{unary: func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		entered <- struct{}{}
		<-leave
		return &testpb.SimpleResponse{}, nil
	}}, grpcgo.Server{Name: "stock", Logger: discarded, Limit: limit.Adaptive{Min: 1, Max: 1}}.Options()...)
	occupied := make(chan error, 1)
	go func() {
		_, err := plain(t, full).UnaryCall(t.Context(), &testpb.SimpleRequest{})
		occupied <- err
	}()
	<-entered
	c := plain(t, "sinew:///stock", grpcgo.Client{
		Name: "stock", Registry: static(full, serve(t, answering, ours()...)),
		Retry: retry.Policy{Budget: retry.Budget{Disabled: true}}, Balance: loadbalance.Policy{Algorithm: loadbalance.RoundRobin},
	}.Options()...)
	for range 10 {
		if got, err := c.UnaryCall(t.Context(), &testpb.SimpleRequest{}); err != nil || got.GetUsername() != "ok" {
			t.Errorf("%v %v, want the answer of the instance with room", got, err)
		}
	}
	close(leave)
	if err := <-occupied; err != nil {
		t.Errorf("the first call failed: %v", err)
	}
}

func TestAnInterceptedCallCarriesItsMetadata(t *testing.T) {
	var got call.Record
	var spans tracing.Recorder
	addr := serve(t, handlers{unary: func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		got = *call.Of(ctx)
		return &testpb.SimpleResponse{}, nil
	}}, grpcgo.Server{Name: "stock", Logger: discarded, Tracer: &spans, Trust: rest.SameMachine}.Options()...)
	registry := prometheus.NewRegistry()
	c := plain(t, addr, grpcgo.Client{Name: "stock", From: "web", Tracer: &spans, Metrics: registry}.Options()...)
	if _, err := c.UnaryCall(call.With(t.Context(), call.Record{RequestID: "r-1"}), &testpb.SimpleRequest{}); err != nil {
		t.Fatal(err)
	}
	if got.RequestID != "r-1" || got.From != "web" || got.Deadline.IsZero() {
		t.Errorf("the handler has the record %+v", got)
	}
	if all := spans.Spans(); len(all) != 2 || all[0].TraceID != all[1].TraceID {
		t.Errorf("the spans are %+v, want two of one trace", all)
	}
	want := `
		# HELP sinew_client_requests_total Calls made, by result.
		# TYPE sinew_client_requests_total counter
		sinew_client_requests_total{caller="web",code="ok",operation="/grpc.testing.TestService/UnaryCall",service="stock"} 1
	`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "sinew_client_requests_total"); err != nil {
		t.Error(err)
	}
}

func TestTheTimeoutOfTheClientEndsACall(t *testing.T) {
	addr := serve(t, handlers{unary: func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}, ours()...)
	_, err := plain(t, addr, grpcgo.Client{Name: "stock", Timeout: 50 * time.Millisecond}.Options()...).UnaryCall(t.Context(), &testpb.SimpleRequest{})
	if fault.CodeOf(err) != fault.DeadlineExceeded {
		t.Errorf("the call ends with %v", err)
	}
}

func TestTheBreakerOfTheClientOpens(t *testing.T) {
	c := plain(t, serve(t, failing(fault.Unavailable.Errorf("later")), ours()...), grpcgo.Client{Name: "stock"}.Options()...)
	for range 1000 {
		if _, err := c.UnaryCall(t.Context(), &testpb.SimpleRequest{}); fault.ReasonOf(err) == fault.ReasonBreakerOpen {
			return
		}
	}
	t.Error("a thousand calls failed, and the breaker is closed")
}

func TestAnInterceptedStreamArrivesAndEnds(t *testing.T) {
	c := plain(t, "sinew:///stock", grpcgo.Client{Name: "stock", Registry: static(closedAddress(t), serve(t, sending(2, fault.OutOfRange.Errorf("no more")), ours()...))}.Options()...)
	for range 10 {
		s, err := c.StreamingOutputCall(t.Context(), &testpb.StreamingOutputCallRequest{})
		n := 0
		for ; err == nil; n++ {
			_, err = s.Recv()
		}
		if n != 3 || fault.CodeOf(err) != fault.OutOfRange || errors.Is(err, io.EOF) {
			t.Fatalf("the stream has %d messages and ends with %v", n-1, err)
		}
	}
}

func TestAPolicyThatIsWrongPanics(t *testing.T) {
	for name, c := range map[string]grpcgo.Client{
		"Balance": {Name: "stock", Registry: static(), Balance: loadbalance.Policy{Algorithm: "best"}},
		"Breaker": {Name: "stock", Breaker: breaker.Policy{MinCalls: -1}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a wrong %s is accepted", name)
				}
			}()
			c.Options()
		}()
	}
}
