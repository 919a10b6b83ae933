package tracing

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/endpoint"
)

// Begun is the context of a call, with space for the span that the call is made in, which
// saves an allocation. [ContextWithSpan] stores its first span there, so it must be called
// before the context is shared.
type Begun struct {
	endpoint.Begun

	span SpanContext
}

// Begin returns the context of a call to op that starts now and ends at until; see
// [endpoint.Begun]. Call Stop when the call is over.
func Begin(ctx context.Context, op endpoint.Operation, now, until time.Time) *Begun {
	b := &Begun{}
	b.Begun.Begin(ctx, op, now, until)
	return b
}

// Value implements context.Context.
func (b *Begun) Value(key any) any {
	if _, ok := key.(spanKey); ok && b.span.IsValid() {
		return &b.span
	}
	return b.Begun.Value(key)
}
