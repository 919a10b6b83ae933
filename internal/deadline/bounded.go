package deadline

import (
	"context"
	"time"
)

// EnsureDeadline is ctx, and where that has no deadline, one of most from now: for an end
// that must come. cancel must be called.
func EnsureDeadline(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	if _, is := ctx.Deadline(); is {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, most)
}

// EnsureEnd is ctx, and where that can never end, as context.Background(), one that ends
// most from now. cancel must be called.
func EnsureEnd(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	if ctx.Done() != nil {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, most)
}
