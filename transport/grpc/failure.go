package grpc

import (
	"context"
	"errors"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
)

const headerPushback = "Grpc-Retry-Pushback-Ms"

// status returns err as connect sends it.
func status(err error) *connect.Error {
	p := fault.ProblemOf(err)
	s := connect.NewError(connect.Code(fault.CodeOf(err)), errors.New(p.Detail))
	s.Meta().Set(wire.HeaderProblem, wire.ProblemHeader(p))
	if p.Reason != "" {
		addDetail(s, &errdetails.ErrorInfo{Reason: p.Reason, Domain: p.Service})
	}
	if wait := fault.RetryAfter(err); wait > 0 {
		addDetail(s, &errdetails.RetryInfo{RetryDelay: durationpb.New(wait)})
	}
	if len(p.Errors) > 0 {
		addDetail(s, badRequest(p.Errors))
	}
	return s
}

func addDetail(s *connect.Error, m proto.Message) {
	if d, err := connect.NewErrorDetail(m); err == nil {
		s.AddDetail(d)
	}
}

// fromStatus returns the failure of an attempt. err is what connect reports of it.
func fromStatus(ctx context.Context, name string, a *attempt, err error) error {
	if f := a.refused(); f != nil {
		return f
	}
	var s *connect.Error
	if !errors.As(err, &s) || !connect.IsWireError(err) {
		return brokenExchange(ctx, name, s, err)
	}
	f := foreign(s)
	if ours := wire.Document([]byte(s.Meta().Get(wire.HeaderProblem)), 0); ours != nil {
		ours.Violations = f.Violations
		f = ours
	}
	return wire.Bound(f, name+" was answered with "+f.Code.String())
}

// foreign returns the failure of a service that does not use sinew.
func foreign(s *connect.Error) *fault.Error {
	f := fault.CodeOf(fault.Code(s.Code())).Errorf("%s", strings.ToValidUTF8(s.Message(), "\ufffd")) // some send codes that gRPC does not have
	for _, d := range s.Details() {
		m, err := d.Value()
		if err != nil {
			continue
		}
		switch m := m.(type) {
		case *errdetails.ErrorInfo:
			f.Reason = m.GetReason()
		case *errdetails.BadRequest:
			f.Violations = violations(m)
		case *errdetails.RetryInfo:
			f.RetryAfter = wire.BoundWait(m.GetRetryDelay().AsDuration())
		}
	}
	if values := s.Meta()[headerPushback]; len(values) > 0 {
		wire.PushBack(f, values[0])
	}
	return f
}

// brokenExchange is the failure of an exchange that did not complete. s may be nil.
func brokenExchange(ctx context.Context, name string, s *connect.Error, err error) error {
	code := fault.CodeOf(err)
	if s != nil && s.Code() != connect.CodeUnknown {
		code = fault.Code(s.Code())
	}
	return wire.NoAnswer(ctx, name, code, err)
}
