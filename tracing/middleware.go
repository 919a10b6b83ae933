package tracing

import (
	"context"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/panicked"
)

// Middleware runs each call inside a span of t with this name and kind. The span ends
// with the call's error. A panic of the call ends the span as fault.Internal. Middleware
// panics if t is nil.
func Middleware(t Tracer, name string, kind Kind) endpoint.Middleware {
	if absent.Is(t) {
		panic("tracing.Middleware(" + name + "): the tracer is nil; give one, or tracing.New()")
	}
	return func(next endpoint.Func) endpoint.Func {
		return func(ctx context.Context, request any) (response any, err error) {
			ctx, span := t.Start(ctx, name, kind)
			err = panicked.Err
			defer func() { span.End(err) }()
			return next(ctx, request)
		}
	}
}
