package grpc

import (
	"context"
	"errors"
	"io"
	"time"

	"connectrpc.com/connect"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/callctx"
)

// maxBegin is how long a stream from the server may be silent until it counts as begun. A
// server that is not of this package may send its header with its first message only.
const maxBegin = 5 * time.Second

// stream is a stream of a caller.
type stream struct {
	name    string
	ctx     context.Context //nolint:containedctx // of the stream, which outlives the attempt
	end     context.CancelCauseFunc
	attempt *attempt
	conn    *connect.BidiStreamForClient[message, message]
}

// open begins a stream in a call through caller. begin sends what comes first. If awaits
// is set, open waits until the callee has accepted the stream; until then, the failure of
// an attempt may be followed by another attempt.
func (c *contract) open(ctx context.Context, caller call.Caller, client *connect.Client[message, message], awaits bool, begin func(*stream) error) (*stream, error) {
	var opened *stream
	err := caller.Call(ctx, c.op, func(attemptCtx context.Context, addr string) error {
		s := &stream{name: c.op.Name, attempt: &attempt{addr: addr, sent: make(chan struct{}), answered: make(chan struct{})}}
		s.ctx, s.end = context.WithCancelCause(callctx.Following(attemptCtx, ctx))
		released := context.AfterFunc(attemptCtx, func() { s.end(context.Cause(attemptCtx)) })
		s.conn = client.CallBidiStream(s.attempt.context(s.ctx))
		err := begin(s)
		if err == nil || errors.Is(err, io.EOF) {
			err = s.await(attemptCtx, awaits)
		}
		if !released() && err == nil {
			err = attemptCtx.Err()
		}
		if err != nil {
			err = fromStatus(attemptCtx, s.name, s.attempt, err)
			s.close()
			return err
		}
		opened = s
		return nil
	})
	if err == nil && opened == nil {
		err = fault.Internal.Errorf("%s was not called", c.op.Name)
	}
	return opened, err
}

// await waits until the stream has begun: until its header is sent, and, if forAnswer is
// set, until it is answered or the callee is silent for long. A stream that is refused
// fails with what refused it.
func (s *stream) await(ctx context.Context, forAnswer bool) error {
	sent, silent := s.attempt.sent, (<-chan time.Time)(nil)
	if forAnswer {
		grace := maxBegin
		if at, ok := ctx.Deadline(); ok {
			grace = min(grace, time.Until(at)/2)
		}
		timer := time.NewTimer(grace)
		defer timer.Stop()
		sent, silent = nil, timer.C
	}
	select {
	case <-sent:
	case <-silent:
	case <-s.attempt.answered:
		if s.attempt.hasFailed.Load() {
			_, err := s.conn.Receive()
			return err
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// receive returns the next message, or io.EOF.
func (s *stream) receive() (*message, error) {
	m, err := s.conn.Receive()
	if err != nil && !errors.Is(err, io.EOF) {
		err = s.failure(err)
	}
	return m, err
}

// failure returns what ended the stream.
func (s *stream) failure(err error) error {
	if cause := context.Cause(s.ctx); cause != nil && s.ctx.Err() != nil && !errors.Is(cause, s.ctx.Err()) {
		return cause // an error of the requests
	}
	return fromStatus(s.ctx, s.name, s.attempt, err)
}

// close ends the stream, and frees its connection. It does not close the requests: the
// callee would see that as the end of all that there is to send.
func (s *stream) close() {
	s.end(context.Canceled)
	_ = s.conn.CloseResponse()
}

// brokenStream returns what ended a stream that is being served.
func brokenStream(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var s *connect.Error
	if errors.As(err, &s) && s.Code() != connect.CodeUnknown {
		return fault.Code(s.Code()).Errorf("%s", s.Message())
	}
	return err
}
