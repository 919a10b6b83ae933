package endpoint

import (
	"context"
	"log/slog"
	"runtime/debug"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
)

// Recover turns a panic of the endpoint into fault.Internal. It writes the panic value and
// the stack to log, or to slog.Default() if log is nil, with level error, and with the
// operation and the request id if the context has a call.Record. The caller sees neither
// panic value nor stack.
func Recover(log *slog.Logger) Middleware {
	return func(next Func) Func {
		return func(ctx context.Context, request any) (response any, err error) {
			defer func() {
				if p := recover(); p != nil {
					log := orDefault(log)
					if r := call.Of(ctx); r != nil {
						log = log.With("operation", r.Name, "request_id", r.RequestID)
					}
					log.ErrorContext(ctx, "endpoint panicked", "panic", p, "stack", string(debug.Stack()))
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
