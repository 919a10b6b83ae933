package grpc

import (
	"context"
	"net/http"
	"sync/atomic"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/validation"
	"github.com/sinew-go/sinew/internal/wire"
)

// Method is the contract of one operation with a request and a response, which are
// pointers to generated messages. Declare it once, as a variable of a package that both
// sides import.
type Method[Req, Resp proto.Message] struct {
	// Name is the path of the method, such as "/api.OrderService/CreateOrder".
	Name string
	// Keyed runs requests that carry an idempotency key once per key, so that they are
	// safe to repeat; see rest.Route.
	Keyed bool
	// MaxMessage is the maximum size of a request, and of a response that Endpoint reads,
	// in bytes. Zero is 4 MiB. A larger one is fault.ResourceExhausted.
	MaxMessage int
}

func (m Method[Req, Resp]) contract() *contract {
	return contractOf[Req, Resp](m.Name, shape{}, m.Keyed, m.MaxMessage)
}

// Handle serves the method on mux with f inside the middlewares; the first is the
// outermost. A request that has a method Validate() error is validated first. Handle
// panics if f is nil and if the method does not fit its name.
func (m Method[Req, Resp]) Handle(mux Mux, f endpoint.Endpoint[Req, Resp], mws ...endpoint.Middleware) {
	c := m.contract()
	if f == nil {
		refuse(m.Name, "the endpoint that shall serve it is nil")
	}
	ep := wire.Handler(f).With(mws...)
	c.serve(mux, false, func(h *handler, options ...connect.HandlerOption) http.Handler {
		return connect.NewUnaryHandler(m.Name, func(ctx context.Context, r *connect.Request[message]) (answer *connect.Response[message], err error) {
			err = h.guard(ctx, func(s *serving) error {
				request := r.Msg.Message
				if err := validation.Of(request); err != nil {
					return err
				}
				response, err := h.once(ctx, s.request, request, func(ctx context.Context) (proto.Message, error) {
					return ep(ctx, request.(Req))
				})
				if err != nil {
					return err
				}
				if response == nil || !response.ProtoReflect().IsValid() {
					return errNoAnswer(m.Name)
				}
				answer = connect.NewResponse(&message{response})
				return nil
			})
			return answer, err
		}, options...)
	})
}

// Endpoint returns an endpoint that calls the method through c, inside the middlewares;
// the first is the outermost. Each middleware runs once per call, around all of its
// attempts. Endpoint panics if c is nil and if the method does not fit its name.
//
// Requests are sent with c's HTTP2Client() *http.Client if c has that method, else with a
// client of this package. A redirect is a failure.
func (m Method[Req, Resp]) Endpoint(c call.Caller, mws ...endpoint.Middleware) endpoint.Endpoint[Req, Resp] {
	contract := m.contract()
	client := contract.client(c)
	f := func(ctx context.Context, req Req) (Resp, error) {
		var none Resp
		key, err := wire.OutgoingKey(ctx, contract.keyed)
		if err != nil {
			return none, err
		}
		if !req.ProtoReflect().IsValid() {
			return none, errNoRequest(m.Name)
		}
		var first atomic.Pointer[connect.Response[message]]
		err = c.Call(ctx, contract.op, func(ctx context.Context, addr string) error {
			a := &attempt{addr: addr, key: key}
			answer, err := client.CallUnary(a.context(ctx), connect.NewRequest(&message{req}))
			if err != nil {
				return fromStatus(ctx, m.Name, a, err)
			}
			first.CompareAndSwap(nil, answer)
			return nil
		})
		if answer := first.Load(); err == nil && answer != nil {
			return answer.Msg.Message.(Resp), nil
		}
		return none, err
	}
	return endpoint.Endpoint[Req, Resp](f).With(mws...)
}
