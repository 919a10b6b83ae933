package endpoint

import (
	"context"
	"log/slog"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/panicked"
)

// Log writes one line per call to log, or to slog.Default() if log is nil: operation,
// duration, code and, if there are any, the error with its cause and the request id. The
// level depends on the outcome ([fault.Verdict.Outcome]): debug for a success, error for a
// failure, and warning for what is ignored, such as a caller's mistake or a call that the
// caller cancelled. A panic has level error, and continues.
func Log(log *slog.Logger, operation string) Middleware {
	return func(next Func) Func {
		return func(ctx context.Context, request any) (response any, err error) {
			start := time.Now()
			err = panicked.Err
			defer func() {
				level := levels[fault.Judge(ctx, err).Outcome()]
				if logger := orDefault(log); logger.Enabled(ctx, level) {
					logger.LogAttrs(ctx, level, "call", callAttrs(ctx, operation, time.Since(start), err)...)
				}
			}()
			return next(ctx, request)
		}
	}
}

var levels = [...]slog.Level{fault.Success: slog.LevelDebug, fault.Failure: slog.LevelError, fault.Ignored: slog.LevelWarn}

func callAttrs(ctx context.Context, operation string, d time.Duration, err error) []slog.Attr {
	all := []slog.Attr{
		slog.String("operation", operation),
		slog.Duration("duration", d),
		slog.String("code", fault.CodeOf(err).String()),
	}
	if c := call.Of(ctx); c != nil && c.RequestID != "" {
		all = append(all, slog.String("request_id", c.RequestID))
	}
	if err != nil {
		all = append(all, slog.String("error", err.Error()))
	}
	return all
}
