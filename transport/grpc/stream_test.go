package grpc_test

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
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

func TestASlowReaderStopsTheSender(t *testing.T) {
	svc := service("stock", sinew.Config{})
	var sent atomic.Int64
	download.Handle(svc, func(context.Context, *testpb.StreamingOutputCallRequest) iter.Seq2[*testpb.StreamingOutputCallResponse, error] {
		return func(yield func(*testpb.StreamingOutputCallResponse, error) bool) {
			for range 1000 {
				if !yield(&testpb.StreamingOutputCallResponse{Payload: payload(100_000)}, nil) {
					return
				}
				sent.Add(1)
			}
		}
	})
	start(t, svc)
	read := 0
	for _, err := range download.Endpoint(callerOf(t, svc, single))(t.Context(), sizes()) {
		if err != nil {
			t.Fatal(err)
		}
		if read++; read == 1 {
			before := int64(-1)
			for before != sent.Load() { // until the sender waits
				before = sent.Load()
				<-time.After(50 * time.Millisecond)
			}
			if before > 500 {
				t.Fatalf("%d of 1,000 messages of 100 kB were sent to a reader that reads none", before)
			}
		}
	}
	if read != 1000 {
		t.Errorf("%d messages have arrived, want 1,000", read)
	}
}

func TestIdleStreamsOccupyNoPlaceInTheLimit(t *testing.T) {
	svc := service("stock", sinew.Config{Limit: limit.Adaptive{Min: 1, Max: 1}})
	began := make(chan struct{})
	download.Handle(svc, func(ctx context.Context, _ *testpb.StreamingOutputCallRequest) iter.Seq2[*testpb.StreamingOutputCallResponse, error] {
		return func(func(*testpb.StreamingOutputCallResponse, error) bool) {
			began <- struct{}{}
			<-ctx.Done()
		}
	})
	unary.Handle(svc, answer)
	start(t, svc)
	c := callerOf(t, svc, single)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{}, 8)
	for range cap(ended) {
		go func() {
			_, _ = total(download.Endpoint(c)(ctx, sizes()))
			ended <- struct{}{}
		}()
		<-began
	}
	for range 20 {
		if _, err := unary.Endpoint(c)(t.Context(), &testpb.SimpleRequest{}); err != nil {
			t.Errorf("beside idle streams a call fails: %v", err)
		}
	}
	cancel()
	for range cap(ended) {
		<-ended
	}
}

func TestAStreamOutlivesTheTimeoutOfTheClient(t *testing.T) {
	svc := service("stock", sinew.Config{})
	proceed := make(chan struct{})
	download.Handle(svc, func(context.Context, *testpb.StreamingOutputCallRequest) iter.Seq2[*testpb.StreamingOutputCallResponse, error] {
		return func(yield func(*testpb.StreamingOutputCallResponse, error) bool) {
			<-proceed
			yield(&testpb.StreamingOutputCallResponse{Payload: payload(5)}, nil)
		}
	})
	start(t, svc)
	c := callerOf(t, svc, sinew.ClientPolicy{Timeout: 300 * time.Millisecond})
	time.AfterFunc(600*time.Millisecond, func() { close(proceed) })
	if n, err := total(download.Endpoint(c)(t.Context(), sizes())); n != 5 || err != nil {
		t.Errorf("%d bytes and %v", n, err)
	}
}

func TestAStreamIsToldThatTheServiceStops(t *testing.T) {
	svc := service("stock", sinew.Config{DrainDelay: -1})
	began := make(chan struct{})
	download.Handle(svc, func(ctx context.Context, _ *testpb.StreamingOutputCallRequest) iter.Seq2[*testpb.StreamingOutputCallResponse, error] {
		return func(func(*testpb.StreamingOutputCallResponse, error) bool) {
			close(began)
			<-ctx.Done()
		}
	})
	start(t, svc)
	c := callerOf(t, svc, single)
	result := make(chan error, 1)
	go func() {
		_, err := total(download.Endpoint(c)(t.Context(), sizes()))
		result <- err
	}()
	<-began
	if err := svc.Shutdown(t.Context()); err != nil {
		t.Errorf("the service does not stop: %v", err)
	}
	if err := <-result; fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("the caller gets %v, want unavailable", err)
	}
}

func TestOnlyAStreamThatHasNotBegunIsRepeated(t *testing.T) {
	var calls atomic.Int64
	svc := service("stock", sinew.Config{})
	download.Handle(svc, func(context.Context, *testpb.StreamingOutputCallRequest) iter.Seq2[*testpb.StreamingOutputCallResponse, error] {
		calls.Add(1)
		return func(yield func(*testpb.StreamingOutputCallResponse, error) bool) {
			if yield(&testpb.StreamingOutputCallResponse{}, nil) {
				yield(nil, fault.Unavailable.Errorf("out of paper").WithUnprocessed())
			}
		}
	})
	start(t, svc)
	dead := "http://127.0.0.1:1" // refuses connections
	web := start(t, sinew.New("web", sinew.Config{Addr: "127.0.0.1:0", Logger: discarded, Static: map[string][]string{"stock": {dead, svc.URL()}}}))
	for range 10 {
		if _, err := total(download.Endpoint(web.Client("stock"))(t.Context(), sizes())); fault.CodeOf(err) != fault.Unavailable || fault.IsUnprocessed(err) {
			t.Errorf("the stream ends with %v", err)
		}
	}
	if n := calls.Load(); n != 10 {
		t.Errorf("10 streams began %d times", n)
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
