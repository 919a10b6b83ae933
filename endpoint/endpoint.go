package endpoint

import (
	"context"
	"fmt"
	"reflect"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/fault"
)

// Endpoint is one operation: a typed function that may fail. It must be safe for
// concurrent use.
type Endpoint[Req, Resp any] func(ctx context.Context, req Req) (Resp, error)

// Func is an endpoint as a [Middleware] sees it. Request and response are any, so that one
// middleware serves endpoints of all types. It is go-kit's Endpoint.
//
//	type Func = func(ctx context.Context, request any) (response any, err error)
type Func = kitendpoint.Endpoint

// Middleware adds behaviour before, after or instead of an endpoint. It is go-kit's own
// type, so that a middleware of go-kit is one of sinew, and the other way round.
//
//	type Middleware = func(next Func) Func
type Middleware = kitendpoint.Middleware

// None is the type of an empty request or response.
type None struct{}

// New returns f as an Endpoint. It panics if f is nil.
func New[Req, Resp any](f func(context.Context, Req) (Resp, error)) Endpoint[Req, Resp] {
	if f == nil {
		panic("endpoint.New: the function is nil")
	}
	return f
}

// With wraps e in the middlewares; the first is the outermost. It calls each Middleware
// once; a call of the result only runs the functions that they returned. Without a
// middleware it returns e itself. It panics if e or a middleware is nil.
func (e Endpoint[Req, Resp]) With(mws ...Middleware) Endpoint[Req, Resp] {
	if e == nil {
		panic("endpoint.With: the endpoint is nil")
	}
	if len(mws) == 0 {
		return e
	}
	return FromKit[Req, Resp](Chain(mws...)(e.Kit()))
}

// Kit returns e as a go-kit endpoint, which is a [Func]. The Func answers a request of
// another type than Req with fault.Internal, which names both types; a nil request is the
// zero Req.
func (e Endpoint[Req, Resp]) Kit() Func {
	mayFail := implements[Resp, kitendpoint.Failer]()
	return func(ctx context.Context, request any) (any, error) {
		req, ok := request.(Req)
		if !ok && request != nil {
			return nil, fault.Internal.Errorf("a middleware passed a request of type %T to an endpoint of %s", request, reflect.TypeFor[Req]())
		}
		resp, err := e(ctx, req)
		if mayFail && err == nil {
			err = failerError(resp)
		}
		return resp, err
	}
}

// FromKit returns a go-kit endpoint as an Endpoint. It panics if e is nil.
func FromKit[Req, Resp any](e Func) Endpoint[Req, Resp] {
	if e == nil {
		panic("endpoint.FromKit: the endpoint is nil")
	}
	mayFail := implements[Resp, kitendpoint.Failer]()
	return func(ctx context.Context, req Req) (Resp, error) {
		response, err := e(ctx, req)
		resp, ok := response.(Resp)
		if ok {
			if mayFail && err == nil {
				err = failerError(response)
			}
			return resp, err
		}
		if err == nil && response != nil {
			if err = failerError(response); err == nil {
				err = fault.Internal.Errorf("a middleware returned a response of type %T from an endpoint of %s", response, reflect.TypeFor[Resp]())
			}
		}
		return resp, err
	}
}

// Chain combines the middlewares into one; the first is the outermost. Without any
// middleware the result changes nothing. Chain panics if one is nil.
func Chain(mws ...Middleware) Middleware {
	for i, mw := range mws {
		if mw == nil {
			panic(fmt.Sprintf("endpoint.Chain: middleware %d of %d is nil", i+1, len(mws)))
		}
	}
	return func(next Func) Func {
		for i := len(mws) - 1; i >= 0; i-- {
			next = mws[i](next)
		}
		return next
	}
}

// Then returns an endpoint that runs f, and g on the result of f. If f fails, g does not
// run. Then is associative, with [Identity] as its unit.
func Then[A, B, C any](f Endpoint[A, B], g Endpoint[B, C]) Endpoint[A, C] {
	return func(ctx context.Context, a A) (C, error) {
		b, err := f(ctx, a)
		if err != nil {
			var none C
			return none, err
		}
		return g(ctx, b)
	}
}

// Identity is the endpoint that returns its request.
func Identity[T any](_ context.Context, v T) (T, error) { return v, nil }

func implements[T, I any]() bool {
	t := reflect.TypeFor[T]()
	return t.Kind() == reflect.Interface || t.Implements(reflect.TypeFor[I]())
}

func failerError(response any) error {
	if f, ok := response.(kitendpoint.Failer); ok {
		return f.Failed()
	}
	return nil
}
