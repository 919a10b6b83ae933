package callctx

import (
	"context"

	"github.com/sinew-go/sinew/call"
)

// Single makes a call to op in one attempt, at the instance with the base URL addr.
func Single(ctx context.Context, op call.Operation, addr string, send func(ctx context.Context, addr string) error) error {
	ctx, c := With(ctx, Outgoing(ctx, op))
	c.Attempt = 1
	return send(ctx, addr)
}

// Following returns a context with the values of attempt, which ends only when caller does:
// that of a stream, which outlives the attempt that began it.
func Following(attempt, caller context.Context) context.Context {
	return follower{caller, attempt}
}

// follower has the values of another context.
type follower struct {
	context.Context
	values context.Context //nolint:containedctx // for its values
}

// Value implements [context.Context].
func (f follower) Value(key any) any { return f.values.Value(key) }
