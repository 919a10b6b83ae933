package grpc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/ellipsis"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/internal/redact"
	"github.com/sinew-go/sinew/internal/wire"
)

const (
	headerPushback = "Grpc-Retry-Pushback-Ms"
	// maxRemoteMessage bounds how many bytes of a callee's error message are kept.
	maxRemoteMessage = 4 << 10
	// maxWait bounds what an answer may ask for.
	maxWait = 24 * time.Hour
)

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
	if f, ok := errors.AsType[*fault.Error](err); ok && len(f.Violations) > 0 {
		addDetail(s, badRequest(f.Violations))
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
	if ours := documented(s.Meta()); ours != nil {
		ours.Violations = f.Violations
		f = ours
	}
	f.Message = ellipsis.Cut(f.Message, maxRemoteMessage)
	if f.Message == "" {
		f.Message = name + " was answered with " + f.Code.String()
	}
	f.Reason, f.Service = ellipsis.Cut(f.Reason, headertext.MaxLen), ellipsis.Cut(f.Service, headertext.MaxLen)
	return f
}

// documented returns the failure in X-Problem, nil if there is none.
func documented(meta http.Header) *fault.Error {
	var p fault.Problem
	if text := meta.Get(wire.HeaderProblem); text != "" && json.Unmarshal([]byte(text), &p) == nil {
		return p.Err()
	}
	return nil
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
			f.RetryAfter = min(max(m.GetRetryDelay().AsDuration(), 0), maxWait)
		}
	}
	if values := s.Meta()[headerPushback]; len(values) > 0 {
		if ms, err := strconv.ParseInt(values[0], 10, 32); err == nil && ms >= 0 {
			f.RetryAfter = min(time.Duration(ms)*time.Millisecond, maxWait)
		} else {
			f.Repeated = true // by the specification of retries, the client must not repeat
		}
	}
	return f
}

// brokenExchange is the failure of an exchange that did not complete. s may be nil.
func brokenExchange(ctx context.Context, name string, s *connect.Error, err error) error {
	code := fault.CodeOf(err)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		code = fault.DeadlineExceeded
	case ctx.Err() != nil:
		code = fault.Canceled
	case s != nil && s.Code() != connect.CodeUnknown:
		code = fault.Code(s.Code())
	case code == fault.Unknown:
		code = fault.Unavailable
	}
	service := "the service"
	if r := call.Of(ctx); r != nil && r.Service != "" {
		service = r.Service
	}
	f := code.Errorf("%s gave no answer to %s", service, name).WithCause(redact.Error(err))
	f.Unprocessed = fault.IsUnprocessed(err)
	return f
}
