package grpc_test

import (
	"context"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
)

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
	c := callerOf(t, svc, sinew.ClientPolicy{Timeout: time.Second})
	time.AfterFunc(2*time.Second, func() { close(proceed) })
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
