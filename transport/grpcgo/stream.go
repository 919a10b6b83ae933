package grpcgo

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
)

// beginStream begins a stream in one attempt.
type beginStream func(ctx context.Context, addr string, opts []grpc.CallOption) (grpc.ClientStream, error)

// openStream begins a stream in a call through caller. The call ends when the stream has a
// connection. The stream has the context of ctx then, without the timeout of the call.
func openStream(
	ctx context.Context, caller call.Caller, method string, opts []grpc.CallOption, begin beginStream,
) (grpc.ClientStream, error) {
	op := operationOf(method)
	op.Safe = false // two streams must not run at the same time
	var opened *stream
	err := caller.Call(ctx, op, func(attemptCtx context.Context, addr string) error {
		s := &stream{method: method}
		var inner context.Context
		inner, s.end = context.WithCancel(callctx.Following(attemptCtx, ctx))
		released := context.AfterFunc(attemptCtx, s.end)
		var err error
		s.ClientStream, err = begin(withMetadata(inner), addr, opts)
		if !released() && err == nil {
			err = attemptCtx.Err()
		}
		if err != nil {
			s.end()
			return received(attemptCtx, method, err, nil, s.ClientStream != nil)
		}
		context.AfterFunc(s.ClientStream.Context(), s.end) // grpc-go ends it with the stream
		if record := call.Of(attemptCtx); record != nil {
			s.service = record.Service
		}
		opened = s
		return nil
	})
	if err == nil && opened == nil {
		err = fault.Internal.Errorf("%s was not called", method)
	}
	if err != nil {
		return nil, withStatus(err)
	}
	return opened, nil
}

// stream is a stream of a caller. Its errors are faults with a status.
type stream struct {
	grpc.ClientStream
	method, service string
	end             context.CancelFunc
}

// SendMsg implements [grpc.ClientStream]. After io.EOF, RecvMsg says why the stream has
// ended.
func (s *stream) SendMsg(m any) error { return s.failure(s.ClientStream.SendMsg(m)) }

// RecvMsg implements [grpc.ClientStream].
func (s *stream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil {
		return nil
	}
	return s.failure(err)
}

// failure returns what ended the stream. A stream whose end is io.EOF in SendMsg goes on
// until RecvMsg has its status.
func (s *stream) failure(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	err = received(s.Context(), s.method, err, s.Trailer(), true)
	s.end()
	if s.service != "" && fault.Judge(s.Context(), err).Outcome() == fault.Failure {
		err = fault.WithService(err, s.service)
	}
	return withStatus(err)
}
