package saga

import (
	"context"
	"net/url"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/saga/internal/flow"
)

// WithKey returns a context for one of several calls that a step makes of one operation: its
// idempotency key is that of the step, with name. Each of the calls has a name of its own,
// which is the same when the step runs again. Calls of different operations need no names.
// Outside of a step WithKey returns ctx.
func WithKey(ctx context.Context, name string) context.Context {
	r := call.Of(ctx)
	if r == nil || r.IdempotencyKey == "" {
		return ctx
	}
	next := *r
	next.IdempotencyKey = flow.Key(r.IdempotencyKey + "/" + url.PathEscape(name))
	return call.With(ctx, next)
}
