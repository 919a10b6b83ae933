package endpoint

import (
	"context"
	"log/slog"
	"runtime/debug"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/fault"
)

// Recover turns a panic of the endpoint into fault.Internal. The panic value
// and its stack go to the log (nil: slog.Default()), never to the caller.
func Recover(log *slog.Logger) Middleware {
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (response any, err error) {
			defer func() {
				if p := recover(); p != nil {
					orDefault(log).ErrorContext(ctx, "endpoint panicked", "panic", p, "stack", string(debug.Stack()))
					response, err = nil, fault.Internal.Errorf("internal error")
				}
			}()
			return next(ctx, request)
		}
	}
}

func orDefault(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.Default()
	}
	return log
}
