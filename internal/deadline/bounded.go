package deadline

import (
	"context"
	"time"
)

// EnsureDeadline returns ctx, or, if ctx has no deadline, a child whose deadline is most
// from now. Call cancel when done.
func EnsureDeadline(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, most)
}

// EnsureEnd returns ctx, or, if ctx can never end (as context.Background()), a child that
// ends most from now. Call cancel when done.
func EnsureEnd(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	if ctx.Done() != nil {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, most)
}
