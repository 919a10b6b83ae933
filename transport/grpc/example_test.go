package grpc_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"

	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/grpc"
)

// The contract, in a package that both sides import.
var (
	Resize = grpc.Method[*testpb.SimpleRequest, *testpb.SimpleResponse]{Name: "/grpc.testing.TestService/UnaryCall"}
	Watch  = grpc.ServerStream[*testpb.StreamingOutputCallRequest, *testpb.StreamingOutputCallResponse]{Name: "/grpc.testing.TestService/StreamingOutputCall"}
)

func resize(_ context.Context, r *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
	if r.GetResponseSize() > 1000 {
		return nil, fault.OutOfRange.Errorf("%d is more than 1000", r.GetResponseSize()).WithReason("too_large")
	}
	return &testpb.SimpleResponse{Payload: &testpb.Payload{Body: make([]byte, r.GetResponseSize())}}, nil
}

func watch(_ context.Context, r *testpb.StreamingOutputCallRequest) iter.Seq2[*testpb.StreamingOutputCallResponse, error] {
	return func(yield func(*testpb.StreamingOutputCallResponse, error) bool) {
		for _, p := range r.GetResponseParameters() {
			if !yield(&testpb.StreamingOutputCallResponse{Payload: &testpb.Payload{Body: make([]byte, p.GetSize())}}, nil) {
				return
			}
		}
	}
}

func Example() {
	ctx := context.Background()
	svc := sinew.New("images", sinew.Config{Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	Resize.Handle(svc, resize)
	Watch.Handle(svc, watch)
	if err := svc.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = svc.Shutdown(ctx) }()

	images := grpc.Remote(svc.URL(), nil) // or svc.Client("images")
	_, err := Resize.Endpoint(images)(ctx, &testpb.SimpleRequest{ResponseSize: 2000})
	fmt.Println(fault.ReasonOf(err))

	sizes := &testpb.StreamingOutputCallRequest{ResponseParameters: []*testpb.ResponseParameters{{Size: 1}, {Size: 2}}}
	for image, err := range Watch.Endpoint(images)(ctx, sizes) {
		fmt.Println(len(image.GetPayload().GetBody()), err)
	}
	// Output:
	// too_large
	// 1 <nil>
	// 2 <nil>
}
