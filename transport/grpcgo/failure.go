package grpcgo

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
)

const keyPushback = "grpc-retry-pushback-ms"

// keyProblem is the trailer with the problem document.
var keyProblem = strings.ToLower(wire.HeaderProblem)

// failure is a failure of a call in both forms: errors.As finds the fault.Error, and
// status.FromError the status.
type failure struct {
	error
	status *status.Status
}

// Unwrap returns the failure without its status.
func (f *failure) Unwrap() error { return f.error }

// GRPCStatus returns the status. Package status of grpc-go calls it.
func (f *failure) GRPCStatus() *status.Status { return f.status }

// withStatus returns err, the failure of a call, with its status.
func withStatus(err error) error {
	if err == nil {
		return nil
	}
	return &failure{err, statusOf(fault.ProblemOf(err), err)}
}

// statusOf returns the status that a caller gets of err, whose document is p.
func statusOf(p fault.Problem, err error) *status.Status {
	s := status.New(codes.Code(fault.CodeOf(err)), p.Detail) //nolint:gosec // a code of gRPC
	var details []protoadapt.MessageV1
	if p.Reason != "" {
		details = append(details, &errdetails.ErrorInfo{Reason: p.Reason, Domain: p.Service})
	}
	if wait := fault.RetryAfter(err); wait > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(wait)})
	}
	if len(p.Errors) > 0 {
		details = append(details, badRequestOf(p.Errors))
	}
	if with, err := s.WithDetails(details...); err == nil {
		return with
	}
	return s
}

// badRequestOf returns the violations in the words of gRPC.
func badRequestOf(all []fault.Violation) *errdetails.BadRequest {
	b := &errdetails.BadRequest{}
	for _, v := range all {
		b.FieldViolations = append(b.FieldViolations,
			&errdetails.BadRequest_FieldViolation{Field: wire.FieldOf(v), Description: v.Detail})
	}
	return b
}

// ownStatus is a failure of a handler that has made its status itself.
type ownStatus struct {
	error
	fault  *fault.Error
	status *status.Status
}

// As gives errors.As the fault.
func (o *ownStatus) As(target any) bool {
	at, ok := target.(**fault.Error)
	if ok {
		*at = o.fault
	}
	return ok
}

// served returns the failure of a handler as the policies judge it: a status becomes the
// fault of its code.
func served(err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok || err == nil {
		return err
	}
	if s, ok := status.FromError(err); ok {
		return &ownStatus{err, foreign(s, nil), s}
	}
	return err
}

// sent returns what a server sends of err: the error for grpc-go, and the trailer with it.
// A status that the handler has made itself is sent as it is.
func sent(err error) (*status.Status, metadata.MD) {
	if own, ok := errors.AsType[*ownStatus](err); ok {
		return own.status, nil
	}
	p := fault.ProblemOf(err)
	return statusOf(p, err), metadata.Pairs(keyProblem, wire.ProblemHeader(p))
}

// received returns the failure of an attempt of the method. err is what grpc-go reports of
// it, and isSent says whether the request may have reached the callee.
func received(ctx context.Context, method string, err error, trailer metadata.MD, isSent bool) error {
	if _, ok := errors.AsType[*fault.Error](err); ok { // of an interceptor, or of this package
		return err
	}
	s := status.Convert(err)
	f := documented(trailer)
	switch {
	case f != nil:
	case !isSent && s.Code() == codes.Unavailable:
		return fault.Unavailable.Errorf("%s could not be sent", method).WithCause(err).WithUnprocessed()
	case len(trailer) == 0 && ctx.Err() != nil:
		return fault.CodeOf(ctx.Err()).Errorf("%s ended before its answer", method).WithCause(err)
	default:
		f = foreign(s, trailer)
	}
	for _, d := range s.Details() {
		if b, ok := d.(*errdetails.BadRequest); ok && f.Violations == nil {
			f.Violations = violationsOf(b)
		}
	}
	return wire.Bound(f, method+" was answered with "+f.Code.String())
}

// documented returns the failure in a trailer, nil if there is none.
func documented(trailer metadata.MD) *fault.Error {
	if text := trailer.Get(keyProblem); len(text) > 0 {
		return wire.Document([]byte(text[0]), 0)
	}
	return nil
}

// foreign returns the failure of a service that does not use sinew.
func foreign(s *status.Status, trailer metadata.MD) *fault.Error {
	f := fault.Code(s.Code()).Errorf("%s", s.Message())
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			f.Reason = d.GetReason()
		case *errdetails.RetryInfo:
			f.RetryAfter = wire.BoundWait(d.GetRetryDelay().AsDuration())
		}
	}
	if values := trailer.Get(keyPushback); len(values) > 0 {
		wire.PushBack(f, values[0])
	}
	return f
}

func violationsOf(b *errdetails.BadRequest) (all []fault.Violation) {
	for _, v := range b.GetFieldViolations()[:min(len(b.GetFieldViolations()), wire.MaxViolations)] {
		all = append(all, wire.ViolationAt(v.GetField(), v.GetDescription()))
	}
	return all
}
