package grpc_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

// sizes asks for a message of each size.
func sizes(all ...int32) *testpb.StreamingOutputCallRequest {
	r := &testpb.StreamingOutputCallRequest{}
	for _, n := range all {
		r.ResponseParameters = append(r.ResponseParameters, &testpb.ResponseParameters{Size: n})
	}
	return r
}

// total is how many bytes a stream has brought.
func total(all iter.Seq2[*testpb.StreamingOutputCallResponse, error]) (n int, err error) {
	for m, err := range all {
		if err != nil {
			return n, err
		}
		n += len(m.GetPayload().GetBody())
	}
	return n, nil
}

// serving starts the service of tests, and returns a caller of it.
func serving(t testing.TB, c sinew.Config) (*sinew.Service, *sinew.Client) {
	t.Helper()
	svc := service("stock", c)
	serveTests(svc)
	start(t, svc)
	return svc, callerOf(t, svc, single)
}

func TestAStreamFromTheServerArrivesInOrder(t *testing.T) {
	_, c := serving(t, sinew.Config{})
	var got []int
	for m, err := range download.Endpoint(c)(t.Context(), sizes(3, 1, 2)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, len(m.GetPayload().GetBody()))
	}
	if len(got) != 3 || got[0] != 3 || got[1] != 1 || got[2] != 2 {
		t.Errorf("messages of %v bytes, want 3, 1 and 2", got)
	}
}

func TestAStreamToTheServerIsAnsweredOnce(t *testing.T) {
	_, c := serving(t, sinew.Config{})
	got, err := upload.Endpoint(c)(t.Context(), yieldAll(&testpb.StreamingInputCallRequest{Payload: payload(4)}, &testpb.StreamingInputCallRequest{Payload: payload(5)}))
	if err != nil || got.GetAggregatedPayloadSize() != 9 {
		t.Errorf("%v %v, want 9 bytes", got, err)
	}
}

func TestAStreamBothWaysAnswersBeforeItsEnd(t *testing.T) {
	_, c := serving(t, sinew.Config{})
	answered := make(chan struct{})
	requests := func(yield func(*testpb.StreamingOutputCallRequest, error) bool) {
		for range 3 {
			if !yield(sizes(2), nil) {
				return
			}
			<-answered
		}
	}
	n := 0
	for m, err := range duplex.Endpoint(c)(t.Context(), requests) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(m.GetPayload().GetBody())
		answered <- struct{}{}
	}
	if n != 6 {
		t.Errorf("%d bytes, want 6", n)
	}
}

func TestAFailureIsTheLastThingInAStream(t *testing.T) {
	_, c := serving(t, sinew.Config{})
	r := sizes(1, 2)
	r.ResponseStatus = &testpb.EchoStatus{Code: int32(fault.OutOfRange), Message: "no more"}
	n, err := total(download.Endpoint(c)(t.Context(), r))
	if n != 3 || fault.CodeOf(err) != fault.OutOfRange {
		t.Errorf("%d bytes and %v, want 3 and out of range", n, err)
	}
}

func TestACallerThatStopsEndsTheHandler(t *testing.T) {
	svc := service("stock", sinew.Config{})
	ended := make(chan error, 1)
	download.Handle(svc, func(ctx context.Context, _ *testpb.StreamingOutputCallRequest) iter.Seq2[*testpb.StreamingOutputCallResponse, error] {
		return func(yield func(*testpb.StreamingOutputCallResponse, error) bool) {
			for yield(&testpb.StreamingOutputCallResponse{}, nil) {
			}
			ended <- ctx.Err()
		}
	})
	start(t, svc)
	for range download.Endpoint(callerOf(t, svc, single))(t.Context(), sizes()) {
		break
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the context of the handler ended with %v", err)
	}
}

func TestAnErrorOfTheRequestsCancelsTheCall(t *testing.T) {
	svc := service("stock", sinew.Config{})
	began, ended := make(chan struct{}), make(chan error, 1)
	upload.Handle(svc, func(_ context.Context, all iter.Seq2[*testpb.StreamingInputCallRequest, error]) (*testpb.StreamingInputCallResponse, error) {
		close(began)
		for _, err := range all {
			if err != nil {
				ended <- err
				return nil, err
			}
		}
		ended <- nil
		return &testpb.StreamingInputCallResponse{}, nil
	})
	start(t, svc)
	broken := errors.New("the file is gone")
	_, err := upload.Endpoint(callerOf(t, svc, single))(t.Context(), func(yield func(*testpb.StreamingInputCallRequest, error) bool) {
		<-began
		_ = yield(&testpb.StreamingInputCallRequest{}, nil) && yield(nil, broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("the call failed with %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("for the handler the stream has ended as it should")
	}
}

func TestMiddlewareRunsAroundAStream(t *testing.T) {
	svc := service("stock", sinew.Config{})
	refuse := func(endpoint.Func) endpoint.Func {
		return func(context.Context, any) (any, error) { return nil, fault.PermissionDenied.Errorf("not you") }
	}
	download.Handle(svc, count, refuse)
	upload.Handle(svc, sum)
	start(t, svc)
	c := callerOf(t, svc, single)
	if _, err := total(download.Endpoint(c)(t.Context(), sizes(1))); fault.CodeOf(err) != fault.PermissionDenied {
		t.Errorf("the server's middleware: %v", err)
	}
	if _, err := upload.Endpoint(c, refuse)(t.Context(), yieldAll[*testpb.StreamingInputCallRequest]()); fault.CodeOf(err) != fault.PermissionDenied {
		t.Errorf("the caller's middleware: %v", err)
	}
}

func TestTenThousandMessagesArrive(t *testing.T) {
	_, c := serving(t, sinew.Config{})
	n, err := total(duplex.Endpoint(c)(t.Context(), func(yield func(*testpb.StreamingOutputCallRequest, error) bool) {
		for range 10_000 {
			if !yield(sizes(1), nil) {
				return
			}
		}
	}))
	if n != 10_000 || err != nil {
		t.Errorf("%d bytes and %v", n, err)
	}
}
