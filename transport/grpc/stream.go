package grpc

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"sync/atomic"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/validation"
	"github.com/sinew-go/sinew/internal/wire"
)

// ServerStream is the contract of an operation that answers a request with a stream.
type ServerStream[Req, Resp proto.Message] struct {
	// Name is the path of the method, such as "/api.OrderService/WatchOrders".
	Name string
	// MaxMessage is the maximum size of a message that is read, in bytes. Zero is 4 MiB.
	MaxMessage int
}

// ClientStream is the contract of an operation that answers a stream with a response.
type ClientStream[Req, Resp proto.Message] struct {
	// Name is the path of the method, such as "/api.OrderService/Import".
	Name string
	// MaxMessage is the maximum size of a message that is read, in bytes. Zero is 4 MiB.
	MaxMessage int
}

// BidiStream is the contract of an operation that answers a stream with a stream.
type BidiStream[Req, Resp proto.Message] struct {
	// Name is the path of the method, such as "/api.OrderService/Chat".
	Name string
	// MaxMessage is the maximum size of a message that is read, in bytes. Zero is 4 MiB.
	MaxMessage int
}

func (m ServerStream[Req, Resp]) contract() *contract {
	return contractOf[Req, Resp](m.Name, shape{server: true}, false, m.MaxMessage)
}

func (m ClientStream[Req, Resp]) contract() *contract {
	return contractOf[Req, Resp](m.Name, shape{client: true}, false, m.MaxMessage)
}

func (m BidiStream[Req, Resp]) contract() *contract {
	return contractOf[Req, Resp](m.Name, shape{client: true, server: true}, false, m.MaxMessage)
}

// Handle serves the method on mux with f inside the middlewares; the first is the
// outermost. To a middleware the request is a Req, and the response the iterator that f
// returns. The stream ends with the iterator, and fails with the first error in it. The
// context of f ends when the caller goes or the service stops. Handle panics as
// [Method.Handle] does.
func (m ServerStream[Req, Resp]) Handle(mux Mux, f func(context.Context, Req) iter.Seq2[Resp, error], mws ...endpoint.Middleware) {
	c := m.contract()
	if f == nil {
		refuse(m.Name, "the function that shall serve it is nil")
	}
	ep := streamHandler(f).With(mws...)
	c.serve(mux, true, func(h *handler, options ...connect.HandlerOption) http.Handler {
		return connect.NewServerStreamHandler(m.Name, func(ctx context.Context, r *connect.Request[message], s *connect.ServerStream[message]) error {
			return h.guard(ctx, func(at *serving) error {
				if err := validation.Of(r.Msg.Message); err != nil {
					return err
				}
				return sendAll(ctx, at, ep, r.Msg.Message.(Req), s.Send)
			})
		}, options...)
	})
}

// Endpoint returns a function that calls the method through c. A stream begins anew with
// every iteration. It ends with the iteration, and a failure is the last thing in it. Until
// the stream has begun it is repeated as a call of [Method.Endpoint] is.
func (m ServerStream[Req, Resp]) Endpoint(c call.Caller, mws ...endpoint.Middleware) func(context.Context, Req) iter.Seq2[Resp, error] {
	contract := m.contract()
	client := contract.client(c)
	return streamEndpoint(func(ctx context.Context, req Req) iter.Seq2[Resp, error] {
		return func(yield func(Resp, error) bool) {
			var none Resp
			if !req.ProtoReflect().IsValid() {
				yield(none, errNoRequest(m.Name))
				return
			}
			s, err := contract.open(ctx, c, client, true, func(s *stream) error {
				if err := s.conn.Send(&message{req}); err != nil && !errors.Is(err, io.EOF) {
					return err
				}
				return s.conn.CloseRequest()
			})
			if err != nil {
				yield(none, err)
				return
			}
			defer s.close()
			receiveAll(s.receive, yield)
		}
	}, mws)
}

// Handle serves the method on mux with f inside the middlewares, as [ServerStream.Handle]
// does. To a middleware the request is the iterator that f gets. An error in that is what
// ended the stream too early.
func (m ClientStream[Req, Resp]) Handle(mux Mux, f func(context.Context, iter.Seq2[Req, error]) (Resp, error), mws ...endpoint.Middleware) {
	c := m.contract()
	if f == nil {
		refuse(m.Name, "the function that shall serve it is nil")
	}
	ep := wire.Handler(endpoint.Endpoint[iter.Seq2[Req, error], Resp](f)).With(mws...)
	c.serve(mux, true, func(h *handler, options ...connect.HandlerOption) http.Handler {
		return connect.NewClientStreamHandler(m.Name, func(ctx context.Context, s *connect.ClientStream[message]) (answer *connect.Response[message], err error) {
			err = h.guard(ctx, func(at *serving) error {
				response, err := ep(ctx, requests[Req](ctx, func() (*message, error) {
					at.begin(ctx)
					if s.Receive() {
						return s.Msg(), nil
					}
					if err := s.Err(); err != nil {
						return nil, err
					}
					return nil, io.EOF
				}))
				if err != nil {
					return err
				}
				if !response.ProtoReflect().IsValid() {
					return errNoAnswer(m.Name)
				}
				answer = connect.NewResponse(&message{response})
				return nil
			})
			return answer, err
		}, options...)
	})
}

// Endpoint returns an endpoint that calls the method through c. It sends what requests
// yields; an error there cancels the call and is its failure. Once the first request is
// sent, the call is not repeated.
func (m ClientStream[Req, Resp]) Endpoint(c call.Caller, mws ...endpoint.Middleware) endpoint.Endpoint[iter.Seq2[Req, error], Resp] {
	contract := m.contract()
	client := contract.client(c)
	f := func(ctx context.Context, requests iter.Seq2[Req, error]) (Resp, error) {
		var none Resp
		s, err := contract.open(ctx, c, client, false, func(s *stream) error { return s.conn.Send(nil) })
		if err != nil {
			return none, err
		}
		defer s.close()
		if err := sendRequests(s, requests); err != nil {
			return none, err
		}
		answer, err := s.receive()
		if err == nil {
			if _, end := s.receive(); !errors.Is(end, io.EOF) { // it has the status of the call
				err = end
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errNoAnswer(m.Name)
			}
			return none, err
		}
		return answer.Message.(Resp), nil
	}
	return endpoint.Endpoint[iter.Seq2[Req, error], Resp](f).With(mws...)
}

// Handle serves the method on mux with f inside the middlewares, as [ServerStream.Handle]
// and [ClientStream.Handle] do.
func (m BidiStream[Req, Resp]) Handle(mux Mux, f func(context.Context, iter.Seq2[Req, error]) iter.Seq2[Resp, error], mws ...endpoint.Middleware) {
	c := m.contract()
	if f == nil {
		refuse(m.Name, "the function that shall serve it is nil")
	}
	ep := streamHandler(f).With(mws...)
	c.serve(mux, true, func(h *handler, options ...connect.HandlerOption) http.Handler {
		return connect.NewBidiStreamHandler(m.Name, func(ctx context.Context, s *connect.BidiStream[message, message]) error {
			return h.guard(ctx, func(at *serving) error {
				return sendAll(ctx, at, ep, requests[Req](ctx, s.Receive), s.Send)
			})
		}, options...)
	})
}

// Endpoint returns a function that calls the method through c. It sends what requests
// yields, in a goroutine of its own, which ends with requests; an error there cancels the
// call, and a panic there goes on in who iterates. A call begins with the iteration of its
// responses, and ends with it.
func (m BidiStream[Req, Resp]) Endpoint(c call.Caller, mws ...endpoint.Middleware) func(context.Context, iter.Seq2[Req, error]) iter.Seq2[Resp, error] {
	contract := m.contract()
	client := contract.client(c)
	return streamEndpoint(func(ctx context.Context, requests iter.Seq2[Req, error]) iter.Seq2[Resp, error] {
		return func(yield func(Resp, error) bool) {
			var none Resp
			s, err := contract.open(ctx, c, client, false, func(s *stream) error { return s.conn.Send(nil) })
			if err != nil {
				yield(none, err)
				return
			}
			defer s.close()
			var panicked atomic.Pointer[any]
			go func() {
				defer func() { // a panic here would end the program, and not only who iterates
					if p := recover(); p != nil {
						panicked.Store(&p)
						s.end(errNoRequest(m.Name))
					}
				}()
				if err := sendRequests(s, requests); err != nil {
					s.end(err)
				}
			}()
			receiveAll(s.receive, func(response Resp, err error) bool {
				if p := panicked.Load(); p != nil && err != nil {
					panic(*p)
				}
				return yield(response, err)
			})
		}
	}, mws)
}
