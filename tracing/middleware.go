package tracing

import (
	"context"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
)

var errPanicked = fault.Internal.Errorf("the call panicked")

// Middleware runs each call inside a span.
func Middleware(t Tracer, name string, kind Kind) endpoint.Middleware {
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (response any, err error) {
			ctx, span := t.Start(ctx, name, kind)
			err = errPanicked
			defer func() { span.End(err) }()
			return next(ctx, request)
		}
	}
}
