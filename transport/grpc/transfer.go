package grpc

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/validation"
	"github.com/sinew-go/sinew/internal/wire"
)

// streamHandler returns f as an endpoint whose response is the stream. The calls that f
// makes have records of their own.
func streamHandler[Req, Resp any](f func(context.Context, Req) iter.Seq2[Resp, error]) endpoint.Endpoint[Req, iter.Seq2[Resp, error]] {
	return wire.Handler(func(ctx context.Context, req Req) (iter.Seq2[Resp, error], error) { return f(ctx, req), nil })
}

// streamEndpoint returns f inside the middlewares. Their failure is the only thing in the
// stream.
func streamEndpoint[Req, Resp any](f func(context.Context, Req) iter.Seq2[Resp, error], mws []endpoint.Middleware) func(context.Context, Req) iter.Seq2[Resp, error] {
	if len(mws) == 0 {
		return f
	}
	ep := endpoint.Endpoint[Req, iter.Seq2[Resp, error]](func(ctx context.Context, req Req) (iter.Seq2[Resp, error], error) {
		return f(ctx, req), nil
	}).With(mws...)
	return func(ctx context.Context, req Req) iter.Seq2[Resp, error] {
		return func(yield func(Resp, error) bool) {
			all, err := ep(ctx, req)
			if err != nil {
				var none Resp
				yield(none, err)
				return
			}
			if all != nil { // a middleware may answer nothing
				all(yield)
			}
		}
	}
}

// sendAll sends what a handler answers. A caller that has gone ends the handler's
// iteration.
func sendAll[Req any, Resp proto.Message](ctx context.Context, at *serving, ep endpoint.Endpoint[Req, iter.Seq2[Resp, error]], req Req, send func(*message) error) error {
	all, err := ep(ctx, req)
	if err != nil || all == nil {
		return err
	}
	at.begin(ctx)
	for response, err := range all {
		if err != nil {
			return wire.MarkProcessed(err)
		}
		if !response.ProtoReflect().IsValid() {
			return errNoMessage(at.method)
		}
		if err := send(&message{response}); err != nil {
			return brokenStream(ctx, err)
		}
	}
	return context.Cause(ctx) // nil unless the stream was cut off
}

// requests yields what a caller sends.
func requests[Req proto.Message](ctx context.Context, receive func() (*message, error)) iter.Seq2[Req, error] {
	return func(yield func(Req, error) bool) {
		receiveAll(func() (*message, error) {
			m, err := receive()
			if err == nil {
				err = validation.Of(m.Message)
			}
			if err != nil && !errors.Is(err, io.EOF) {
				err = brokenStream(ctx, err)
			}
			return m, err
		}, yield)
	}
}

// receiveAll yields messages until the stream ends or fails.
func receiveAll[M proto.Message](receive func() (*message, error), yield func(M, error) bool) {
	for {
		m, err := receive()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			var none M
			yield(none, err)
			return
		}
		if !yield(m.Message.(M), nil) {
			return
		}
	}
}

// sendRequests sends all requests, and then that there are no more. A stream that the
// other side has ended takes none: its status says why. A nil iterator has none.
func sendRequests[Req proto.Message](s *stream, requests iter.Seq2[Req, error]) error {
	if requests == nil {
		return s.conn.CloseRequest()
	}
	for request, err := range requests {
		if err != nil {
			return err
		}
		if !request.ProtoReflect().IsValid() {
			return errNoRequest(s.name)
		}
		if err := s.conn.Send(&message{request}); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return s.failure(err)
		}
	}
	return s.conn.CloseRequest()
}
