package tracing

import (
	"context"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/panicked"
)

// Middleware runs each call inside a span. It panics if the tracer is nil.
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
