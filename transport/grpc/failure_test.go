package grpc_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	rpc "google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/sinew-go/sinew"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/limit"
	"github.com/sinew-go/sinew/retry"
	"github.com/sinew-go/sinew/transport/grpc"
	"github.com/sinew-go/sinew/transport/rest"
)

// single makes one attempt per call.
var single = sinew.ClientPolicy{Retry: retry.Policy{Disabled: true}}

// failing serves a service whose unary call fails with err.
func failing(t *testing.T, err error) *sinew.Service {
	t.Helper()
	svc := service("stock", sinew.Config{})
	unary.Handle(svc, func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) { return nil, err })
	return start(t, svc)
}

func TestAFailureArrivesWhole(t *testing.T) {
	sent := fault.FailedPrecondition.Errorf("only 3 left — häppchenweise").WithReason("insufficient_stock").WithRetryAfter(1500 * time.Millisecond)
	_, err := unary.Endpoint(callerOf(t, failing(t, sent), single))(t.Context(), &testpb.SimpleRequest{})
	got, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Fatalf("no fault: %v", err)
	}
	if got.Code != sent.Code || got.Message != sent.Message || got.Reason != sent.Reason || got.RetryAfter != sent.RetryAfter {
		t.Errorf("sent %#v\ngot %#v", sent, got)
	}
}

func TestTheViolationsOfARequestArriveOneByOne(t *testing.T) {
	sent := fault.InvalidArgument.Errorf("two things are wrong")
	sent.Violations = []fault.Violation{{Pointer: "/lines/0/quantity", Detail: "it must be at least 1"}, {Pointer: "/user_id", Detail: "it is missing"}}
	svc := failing(t, sent)
	_, err := unary.Endpoint(callerOf(t, svc, single))(t.Context(), &testpb.SimpleRequest{})
	if f, _ := errors.AsType[*fault.Error](err); f == nil || !slices.Equal(f.Violations, sent.Violations) {
		t.Errorf("our caller gets %#v", err)
	}
	_, err = testpb.NewTestServiceClient(dial(t, svc)).UnaryCall(t.Context(), &testpb.SimpleRequest{})
	var fields []string
	for _, d := range status.Convert(err).Details() {
		if b, ok := d.(*errdetails.BadRequest); ok {
			for _, v := range b.GetFieldViolations() {
				fields = append(fields, v.GetField())
			}
		}
	}
	if !slices.Equal(fields, []string{"lines[0].quantity", "user_id"}) {
		t.Errorf("grpc-go gets %v", fields)
	}
}

func TestNoMoreThanTwentyViolationsAreSent(t *testing.T) {
	sent := fault.InvalidArgument.Errorf("all is wrong")
	for range 100 {
		sent.Violations = append(sent.Violations, fault.Violation{Pointer: "/a", Detail: strings.Repeat("x", 10_000)})
	}
	_, err := testpb.NewTestServiceClient(dial(t, failing(t, sent))).UnaryCall(t.Context(), &testpb.SimpleRequest{})
	for _, d := range status.Convert(err).Details() {
		b, ok := d.(*errdetails.BadRequest)
		if ok && (len(b.GetFieldViolations()) != 20 || len(b.GetFieldViolations()[0].GetDescription()) > 600) {
			t.Errorf("%d violations are sent, the first with %d bytes", len(b.GetFieldViolations()), len(b.GetFieldViolations()[0].GetDescription()))
		}
	}
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("grpc-go gets %v", err)
	}
}

func TestEveryCodeIsTheSameOnBothSides(t *testing.T) {
	for code := fault.Canceled; code <= fault.Unauthenticated; code++ {
		_, err := unary.Endpoint(callerOf(t, failing(t, code.Errorf("no")), single))(t.Context(), &testpb.SimpleRequest{})
		if fault.CodeOf(err) != code {
			t.Errorf("%s arrives as %v", code, err)
		}
	}
}

func TestTheCauseOfAFailureStaysInside(t *testing.T) {
	_, err := unary.Endpoint(callerOf(t, failing(t, errors.New("password 1234")), single))(t.Context(), &testpb.SimpleRequest{})
	f, _ := errors.AsType[*fault.Error](err)
	if f == nil || f.Message != "internal error" {
		t.Errorf("the caller sees %v", err)
	}
}

func TestAFailureCrossesHopsOfBothKinds(t *testing.T) {
	type ask struct{}
	route := rest.Route[ask, endpoint.None]{Pattern: "GET /ask"}
	bottom := failing(t, fault.Unavailable.Errorf("the disk is full").WithReason("disk"))
	middle := service("middle", sinew.Config{Static: map[string][]string{"stock": {bottom.URL()}}, Clients: map[string]sinew.ClientPolicy{"stock": single}})
	next := unary.Endpoint(middle.Client("stock"))
	route.Handle(middle, func(ctx context.Context, _ ask) (endpoint.None, error) {
		_, err := next(ctx, &testpb.SimpleRequest{})
		return endpoint.None{}, err
	})
	start(t, middle)
	front := service("front", sinew.Config{Static: map[string][]string{"middle": {middle.URL()}}, Clients: map[string]sinew.ClientPolicy{"middle": single}})
	over := route.Endpoint(front.Client("middle"))
	unary.Handle(front, func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		_, err := over(ctx, ask{})
		return nil, err
	})
	start(t, front)
	_, err := unary.Endpoint(grpc.Remote(front.URL(), nil))(t.Context(), &testpb.SimpleRequest{})
	f, _ := errors.AsType[*fault.Error](err)
	if f == nil || f.Code != fault.Unavailable || f.Reason != "disk" || f.Service != "stock" || !f.Relayed || f.Unprocessed {
		t.Errorf("after three hops it is %#v", f)
	}
}

// dial connects grpc-go to a service.
func dial(t *testing.T, svc *sinew.Service) *rpc.ClientConn {
	t.Helper()
	c, err := rpc.NewClient(svc.URL()[len("http://"):], rpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestACallerThatDoesNotKnowSinewFindsTheDetails(t *testing.T) {
	svc := failing(t, fault.ResourceExhausted.Errorf("too much").WithReason("quota").WithRetryAfter(2*time.Second))
	_, err := testpb.NewTestServiceClient(dial(t, svc)).UnaryCall(t.Context(), &testpb.SimpleRequest{})
	s := status.Convert(err)
	if s.Code() != codes.ResourceExhausted || s.Message() != "too much" {
		t.Errorf("the status is %v", s)
	}
	var reason string
	var wait time.Duration
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			reason = d.GetReason()
		case *errdetails.RetryInfo:
			wait = d.GetRetryDelay().AsDuration()
		}
	}
	if reason != "quota" || wait != 2*time.Second {
		t.Errorf("the details are %q and %s", reason, wait)
	}
}

func TestWhatTheServiceRefusesIsAStatusOfGRPC(t *testing.T) {
	svc := service("stock", sinew.Config{})
	serveTests(svc)
	svc.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" && r.URL.Path == unary.Name {
				rest.WriteError(w, fault.Unauthenticated.Errorf("who are you? 100 %% ü").WithReason("no_token"))
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	start(t, svc)
	c := dial(t, svc)
	_, err := testpb.NewTestServiceClient(c).UnaryCall(t.Context(), &testpb.SimpleRequest{})
	if s := status.Convert(err); s.Code() != codes.Unauthenticated || s.Message() != "who are you? 100 % ü" {
		t.Errorf("a middleware refuses with %v", err)
	}
	_, err = testpb.NewUnimplementedServiceClient(c).UnimplementedCall(t.Context(), &testpb.Empty{})
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("an unknown service is %v", err)
	}
	_, err = unary.Endpoint(callerOf(t, svc, single))(t.Context(), &testpb.SimpleRequest{})
	if fault.CodeOf(err) != fault.Unauthenticated || fault.ReasonOf(err) != "no_token" {
		t.Errorf("a middleware refuses our caller with %v", err)
	}
}

func TestARefusalOfTheLimitIsUnprocessed(t *testing.T) {
	svc := service("stock", sinew.Config{Limit: limit.Adaptive{Min: 1, Max: 1}})
	entered, leave := make(chan struct{}), make(chan struct{})
	unary.Handle(svc, func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		entered <- struct{}{}
		<-leave
		return &testpb.SimpleResponse{}, nil
	})
	start(t, svc)
	call := unary.Endpoint(grpc.Remote(svc.URL(), nil))
	first := make(chan error, 1)
	go func() {
		_, err := call(t.Context(), &testpb.SimpleRequest{})
		first <- err
	}()
	<-entered
	_, err := call(t.Context(), &testpb.SimpleRequest{})
	if fault.CodeOf(err) != fault.Unavailable || !fault.IsUnprocessed(err) {
		t.Errorf("the refusal is %#v", err)
	}
	close(leave)
	if err := <-first; err != nil {
		t.Errorf("the first call failed: %v", err)
	}
}

func TestAPanicIsAnInternalFailure(t *testing.T) {
	svc := service("stock", sinew.Config{})
	unary.Handle(svc, func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) { panic("secret") })
	download.Handle(svc, func(context.Context, *testpb.StreamingOutputCallRequest) iter.Seq2[*testpb.StreamingOutputCallResponse, error] {
		return func(func(*testpb.StreamingOutputCallResponse, error) bool) { panic("secret") }
	})
	start(t, svc)
	c := callerOf(t, svc, single)
	_, err := unary.Endpoint(c)(t.Context(), &testpb.SimpleRequest{})
	if f, _ := errors.AsType[*fault.Error](err); f == nil || f.Code != fault.Internal || f.Message != "internal error" {
		t.Errorf("the caller sees %v", err)
	}
	for _, err := range download.Endpoint(c)(t.Context(), &testpb.StreamingOutputCallRequest{}) {
		if f, _ := errors.AsType[*fault.Error](err); f == nil || f.Code != fault.Internal || f.Message != "internal error" {
			t.Errorf("the caller of the stream sees %v", err)
		}
	}
}

func TestAMessageOverTheLimitIsRefused(t *testing.T) {
	svc := service("stock", sinew.Config{})
	small := unary
	small.MaxMessage = 1000
	small.Handle(svc, answer)
	start(t, svc)
	c := callerOf(t, svc, single)
	_, err := unary.Endpoint(c)(t.Context(), &testpb.SimpleRequest{Payload: payload(2000)})
	if fault.CodeOf(err) != fault.ResourceExhausted {
		t.Errorf("a large request is answered with %v", err)
	}
	_, err = small.Endpoint(c)(t.Context(), &testpb.SimpleRequest{ResponseSize: 2000})
	if fault.CodeOf(err) != fault.ResourceExhausted {
		t.Errorf("a large answer is read as %v", err)
	}
}

func TestTheDeadlineTravels(t *testing.T) {
	svc := service("stock", sinew.Config{})
	unary.Handle(svc, func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		if _, ok := ctx.Deadline(); !ok {
			return nil, fault.Internal.Errorf("no deadline")
		}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	start(t, svc)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := testpb.NewTestServiceClient(dial(t, svc)).UnaryCall(ctx, &testpb.SimpleRequest{})
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("grpc-go gets %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = unary.Endpoint(callerOf(t, svc, single))(ctx, &testpb.SimpleRequest{})
	if fault.CodeOf(err) != fault.DeadlineExceeded {
		t.Errorf("our caller gets %v", err)
	}
}
