package grpc_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	testpb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

type (
	order = testpb.StreamingOutputCallRequest
	piece = testpb.StreamingOutputCallResponse
)

// thenPanic yields a message, and panics.
func thenPanic(yield func(*piece, error) bool) {
	_ = yield(&piece{Payload: payload(3)}, nil)
	panic("secret")
}

func TestAHandlerThatBreaksItsPromiseIsAnInternalFailure(t *testing.T) {
	other := func(endpoint.Func) endpoint.Func {
		return func(context.Context, any) (any, error) { return "text", nil }
	}
	for what, c := range map[string]struct {
		all  iter.Seq2[*piece, error]
		mws  []endpoint.Middleware
		want int // bytes before the failure
	}{
		"a nil message":                {yieldAll(&piece{Payload: payload(3)}, nil), nil, 3},
		"a panic after a message":      {thenPanic, nil, 3},
		"a response of another type":   {yieldAll[*piece](), []endpoint.Middleware{other}, 0},
		"an error that is not a fault": {func(yield func(*piece, error) bool) { yield(nil, errors.New("secret")) }, nil, 0},
	} {
		svc := service("stock", sinew.Config{})
		download.Handle(svc, func(context.Context, *order) iter.Seq2[*piece, error] { return c.all }, c.mws...)
		unary.Handle(svc, answer)
		start(t, svc)
		caller := callerOf(t, svc, single)
		n, err := total(download.Endpoint(caller)(t.Context(), sizes(1)))
		if code := fault.CodeOf(err); n != c.want || code != fault.Internal && code != fault.Unknown || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %d bytes and %v", what, n, err)
		}
		if _, err := unary.Endpoint(caller)(t.Context(), &testpb.SimpleRequest{}); err != nil {
			t.Errorf("%s: afterwards a call fails: %v", what, err)
		}
	}
}

func TestAHandlerThatAnswersNothingIsAnInternalFailure(t *testing.T) {
	svc := service("stock", sinew.Config{})
	unary.Handle(svc, func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) { return nil, nil })
	upload.Handle(svc, func(context.Context, iter.Seq2[*testpb.StreamingInputCallRequest, error]) (*testpb.StreamingInputCallResponse, error) {
		return nil, nil
	})
	download.Handle(svc, func(context.Context, *order) iter.Seq2[*piece, error] { return nil })
	start(t, svc)
	c := callerOf(t, svc, single)
	if _, err := unary.Endpoint(c)(t.Context(), &testpb.SimpleRequest{}); fault.CodeOf(err) != fault.Internal {
		t.Errorf("a method: %v", err)
	}
	if _, err := upload.Endpoint(c)(t.Context(), yieldAll(&testpb.StreamingInputCallRequest{})); fault.CodeOf(err) != fault.Internal {
		t.Errorf("a stream to the server: %v", err)
	}
	if n, err := total(download.Endpoint(c)(t.Context(), sizes(1))); n != 0 || err != nil {
		t.Errorf("a nil iterator is a stream without messages: %v", err)
	}
}

func TestRequestsThatAreNilAreTheFaultOfTheirCaller(t *testing.T) {
	_, c := serving(t, sinew.Config{})
	if _, err := upload.Endpoint(c)(t.Context(), yieldAll[*testpb.StreamingInputCallRequest](nil)); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("a nil message to the server: %v", err)
	}
	if _, err := total(duplex.Endpoint(c)(t.Context(), yieldAll(sizes(), nil))); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("a nil message both ways: %v", err)
	}
	if _, err := total(download.Endpoint(c)(t.Context(), nil)); fault.CodeOf(err) != fault.InvalidArgument {
		t.Errorf("a nil request: %v", err)
	}
	if got, err := upload.Endpoint(c)(t.Context(), nil); err != nil || got.GetAggregatedPayloadSize() != 0 {
		t.Errorf("a nil iterator to the server: %v", err)
	}
	if n, err := total(duplex.Endpoint(c)(t.Context(), nil)); n != 0 || err != nil {
		t.Errorf("a nil iterator both ways: %v", err)
	}
}

func TestAPanicOfTheRequestsReachesWhoIterates(t *testing.T) {
	_, c := serving(t, sinew.Config{})
	defer func() {
		if got := fmt.Sprint(recover()); got != "the file is gone" {
			t.Errorf("who iterates gets %v", got)
		}
	}()
	for range duplex.Endpoint(c)(t.Context(), func(yield func(*order, error) bool) {
		_ = yield(sizes(1), nil)
		panic("the file is gone")
	}) {
		continue
	}
}

func TestAMiddlewareThatAnswersNothingIsAStreamWithoutMessages(t *testing.T) {
	_, c := serving(t, sinew.Config{})
	nothing := func(endpoint.Func) endpoint.Func {
		return func(context.Context, any) (any, error) { return nil, nil }
	}
	if n, err := total(download.Endpoint(c, nothing)(t.Context(), sizes(1))); n != 0 || err != nil {
		t.Errorf("%d bytes and %v", n, err)
	}
}

func TestAMessageOverTheLimitEndsAStream(t *testing.T) {
	svc := service("stock", sinew.Config{})
	small, smallUp := duplex, upload
	small.MaxMessage, smallUp.MaxMessage = 1000, 1000
	duplex.Handle(svc, echo)
	smallUp.Handle(svc, sum)
	start(t, svc)
	c := callerOf(t, svc, single)
	if n, err := total(small.Endpoint(c)(t.Context(), yieldAll(sizes(100), sizes(2000)))); n != 100 || fault.CodeOf(err) != fault.ResourceExhausted {
		t.Errorf("a large response: %d bytes and %v", n, err)
	}
	if _, err := upload.Endpoint(c)(t.Context(), yieldAll(&testpb.StreamingInputCallRequest{}, &testpb.StreamingInputCallRequest{Payload: payload(2000)})); fault.CodeOf(err) != fault.ResourceExhausted {
		t.Errorf("a large request: %v", err)
	}
}
