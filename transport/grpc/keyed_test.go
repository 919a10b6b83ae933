package grpc_test

import (
	"context"
	"sync/atomic"
	"testing"

	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/grpc"
)

// keyed serves a keyed method that answers with the number of times that it ran.
func keyed(t *testing.T, fail error) func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	t.Helper()
	method := unary
	method.Keyed = true
	svc := service("stock", sinew.Config{})
	var runs atomic.Int32
	method.Handle(svc, func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		if n := runs.Add(1); fail == nil {
			return &testpb.SimpleResponse{Payload: payload(int(n))}, nil
		} else if n > 1 {
			return nil, fault.Internal.Errorf("it ran twice")
		}
		return nil, fail
	})
	start(t, svc)
	return method.Endpoint(grpc.Remote(svc.URL(), nil))
}

func TestAKeyRunsOnce(t *testing.T) {
	do := keyed(t, nil)
	ctx := call.With(t.Context(), call.Record{IdempotencyKey: "order-7"})
	for range 3 {
		got, err := do(ctx, &testpb.SimpleRequest{ResponseSize: 4})
		if err != nil || len(got.GetPayload().GetBody()) != 1 {
			t.Errorf("%v %v, want the answer of the first run", got, err)
		}
	}
}

func TestCallsWithoutAKeyOfTheirOwnRunEachTime(t *testing.T) {
	do := keyed(t, nil)
	for n := range 3 {
		got, err := do(t.Context(), &testpb.SimpleRequest{})
		if err != nil || len(got.GetPayload().GetBody()) != n+1 {
			t.Errorf("run %d: %v %v", n+1, got, err)
		}
	}
}

func TestAKeyThatArrivesWithAnotherRequestIsRefused(t *testing.T) {
	do := keyed(t, nil)
	ctx := call.With(t.Context(), call.Record{IdempotencyKey: "order-7"})
	if _, err := do(ctx, &testpb.SimpleRequest{ResponseSize: 4}); err != nil {
		t.Fatal(err)
	}
	if _, err := do(ctx, &testpb.SimpleRequest{ResponseSize: 5}); fault.ReasonOf(err) != "key_reused" {
		t.Errorf("the other request is answered with %v", err)
	}
}

func TestARefusalIsReplayedToo(t *testing.T) {
	do := keyed(t, fault.FailedPrecondition.Errorf("sold out").WithReason("stock"))
	ctx := call.With(t.Context(), call.Record{IdempotencyKey: "order-7"})
	for range 2 {
		if _, err := do(ctx, &testpb.SimpleRequest{}); fault.CodeOf(err) != fault.FailedPrecondition || fault.ReasonOf(err) != "stock" {
			t.Errorf("the refusal is %v", err)
		}
	}
}

func TestAnUnusableKeyIsRefused(t *testing.T) {
	do := keyed(t, nil)
	_, err := do(call.With(t.Context(), call.Record{IdempotencyKey: "line\nbreak"}), &testpb.SimpleRequest{})
	if fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("the key is answered with %v", err)
	}
}
