package endpoint

import (
	"context"
	"reflect"

	"github.com/sinew-go/sinew/fault"
)

// Fallback answers with f if the endpoint fails: f gets the request and the error, and what
// f returns is the result of the call. f is called only if the outcome of the error is
// [fault.Failure] ([fault.Verdict.Outcome]). A caller that gave up, or sent a wrong
// request, gets the error itself. Fallback panics if f is nil.
func Fallback[Req, Resp any](f func(ctx context.Context, req Req, err error) (Resp, error)) Middleware {
	if f == nil {
		panic("endpoint.Fallback: the function is nil")
	}
	return func(next Func) Func {
		return func(ctx context.Context, request any) (any, error) {
			response, err := next(ctx, request)
			if fault.Judge(ctx, err).Outcome() != fault.Failure {
				return response, err
			}
			req, ok := request.(Req)
			if !ok && request != nil {
				return nil, fault.Internal.Errorf("a fallback for %s got a request of type %T: %w", reflect.TypeFor[Req](), request, err)
			}
			return f(ctx, req, err)
		}
	}
}
