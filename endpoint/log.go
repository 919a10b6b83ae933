package endpoint

import (
	"context"
	"log/slog"
	"time"

	kitendpoint "github.com/go-kit/kit/endpoint"

	"github.com/sinew-go/sinew/fault"
)

// Log writes one line per call to log (nil: slog.Default()): operation,
// duration, code and, where there is one, the error with its cause and the
// request id. A failure of the callee is an error line, a caller's mistake a
// warning, a success a debug line.
func Log(log *slog.Logger, operation string) Middleware {
	return func(next kitendpoint.Endpoint) kitendpoint.Endpoint {
		return func(ctx context.Context, request any) (any, error) {
			start := time.Now()
			response, err := next(ctx, request)
			level := levels[fault.Classify(ctx, err)]
			if logger := orDefault(log); logger.Enabled(ctx, level) {
				logger.LogAttrs(ctx, level, "call", attrs(ctx, operation, time.Since(start), err)...)
			}
			return response, err
		}
	}
}

var levels = [...]slog.Level{fault.Success: slog.LevelDebug, fault.Failure: slog.LevelError, fault.Ignored: slog.LevelWarn}

func attrs(ctx context.Context, operation string, d time.Duration, err error) []slog.Attr {
	all := []slog.Attr{
		slog.String("operation", operation),
		slog.Duration("duration", d),
		slog.String("code", fault.CodeOf(err).String()),
	}
	if c := CallOf(ctx); c != nil && c.RequestID != "" {
		all = append(all, slog.String("request_id", c.RequestID))
	}
	if err != nil {
		all = append(all, slog.String("error", err.Error()))
	}
	return all
}
