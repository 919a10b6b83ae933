package grpcgo_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/transport/grpcgo"
)

func TestAFailureArrivesWhole(t *testing.T) {
	want := fault.FailedPrecondition.Errorf("only 3 left — häppchenweise").WithReason("insufficient_stock").WithRetryAfter(1500 * time.Millisecond)
	want.Violations = []fault.Violation{{Pointer: "/lines/0/quantity", Detail: "it is more than 3"}}
	_, err := through(t, single, serve(t, failing(want), ours()...)).UnaryCall(t.Context(), &testpb.SimpleRequest{})
	got, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Fatalf("no fault: %v", err)
	}
	if got.Code != want.Code || got.Message != want.Message || got.Reason != want.Reason || got.RetryAfter != want.RetryAfter {
		t.Errorf("sent %#v\ngot %#v", want, got)
	}
	if len(got.Violations) != 1 || got.Violations[0] != want.Violations[0] {
		t.Errorf("the violations arrive as %v", got.Violations)
	}
}

func TestEveryCodeIsTheSameOnBothSides(t *testing.T) {
	for code := fault.Canceled; code <= fault.Unauthenticated; code++ {
		_, err := through(t, single, serve(t, failing(code.Errorf("no")), ours()...)).UnaryCall(t.Context(), &testpb.SimpleRequest{})
		if fault.CodeOf(err) != code {
			t.Errorf("%s arrives as %v", code, err)
		}
		if status.Code(err) != codes.Code(code) {
			t.Errorf("%s has the status %s", code, status.Code(err))
		}
	}
}

func TestTheCauseOfAFailureStaysInside(t *testing.T) {
	_, err := through(t, single, serve(t, failing(errors.New("password 1234")), ours()...)).UnaryCall(t.Context(), &testpb.SimpleRequest{})
	if f, _ := errors.AsType[*fault.Error](err); f == nil || f.Message != "internal error" {
		t.Errorf("the caller sees %v", err)
	}
}

func TestACallerThatDoesNotKnowSinewFindsTheDetails(t *testing.T) {
	sent := fault.ResourceExhausted.Errorf("too much").WithReason("quota").WithRetryAfter(2 * time.Second)
	sent.Violations = []fault.Violation{{Parameter: "limit", In: "query", Detail: "it is too high"}}
	_, err := plain(t, serve(t, failing(sent), ours()...)).UnaryCall(t.Context(), &testpb.SimpleRequest{})
	s := status.Convert(err)
	if s.Code() != codes.ResourceExhausted || s.Message() != "too much" {
		t.Errorf("the status is %v", s)
	}
	var reason, field string
	var wait time.Duration
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			reason = d.GetReason()
		case *errdetails.RetryInfo:
			wait = d.GetRetryDelay().AsDuration()
		case *errdetails.BadRequest:
			field = d.GetFieldViolations()[0].GetField()
		}
	}
	if reason != "quota" || wait != 2*time.Second || field != "limit" {
		t.Errorf("the details are %q, %s and %q", reason, wait, field)
	}
}

func TestAStatusOfAHandlerIsSentAsItIs(t *testing.T) {
	made, err := status.New(codes.NotFound, "no such shelf").WithDetails(&errdetails.ErrorInfo{Reason: "no_shelf"}, &errdetails.ResourceInfo{ResourceName: "shelf 7"})
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, failing(made.Err()), ours()...)
	_, err = plain(t, addr).UnaryCall(t.Context(), &testpb.SimpleRequest{})
	if s := status.Convert(err); s.Message() != "no such shelf" || len(s.Details()) != 2 {
		t.Errorf("grpc-go gets %v with %v", s, s.Details())
	}
	_, err = through(t, single, addr).UnaryCall(t.Context(), &testpb.SimpleRequest{})
	if fault.CodeOf(err) != fault.NotFound || fault.ReasonOf(err) != "no_shelf" {
		t.Errorf("our caller gets %v", err)
	}
}

func TestAFailureOfAnotherServerIsAFault(t *testing.T) {
	made, err := status.New(codes.Unavailable, "later").WithDetails(&errdetails.RetryInfo{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = through(t, single, serve(t, failing(made.Err()))).UnaryCall(t.Context(), &testpb.SimpleRequest{})
	f, _ := errors.AsType[*fault.Error](err)
	if f == nil || f.Code != fault.Unavailable || f.Message != "later" || f.Service != "stock" {
		t.Errorf("it is %#v", f)
	}
	if fault.IsUnprocessed(err) {
		t.Error("a failure of a handler counts as one before a handler ran")
	}
}

func TestAFailureNamesWhoFailedAfterTwoHops(t *testing.T) {
	next := through(t, single, serve(t, failing(fault.Unavailable.Errorf("the disk is full").WithReason("disk").WithUnprocessed()), ours()...))
	middle := serve(t, handlers{unary: func(ctx context.Context, r *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		return next.UnaryCall(ctx, r)
	}},
		grpcgo.Server{Name: "middle", Logger: discarded}.Options()...)
	_, err := through(t, single, middle).UnaryCall(t.Context(), &testpb.SimpleRequest{})
	f, _ := errors.AsType[*fault.Error](err)
	if f == nil || f.Code != fault.Unavailable || f.Reason != "disk" || f.Service != "stock" || !f.Relayed {
		t.Errorf("after two hops it is %#v", f)
	}
	if fault.IsUnprocessed(err) {
		t.Error("the handler in the middle ran, and counts as if it had not")
	}
}

func TestARefusedConnectionIsUnprocessed(t *testing.T) {
	_, err := through(t, single, closedAddress(t)).UnaryCall(t.Context(), &testpb.SimpleRequest{})
	if fault.CodeOf(err) != fault.Unavailable || !fault.IsUnprocessed(err) {
		t.Errorf("it is %#v", err)
	}
}
