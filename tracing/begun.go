package tracing

import (
	"context"
	"time"

	"github.com/sinew-go/sinew/endpoint"
)

// Begun is the context of a call with room for the span that it is made in, which
// [With] puts there: the first one, before the context is anybody else's.
type Begun struct {
	endpoint.Begun

	span SpanContext
}

// Begin is ctx for a call to op that starts now and ends at until; see
// [endpoint.Begun]. Stop must be called when the call is over.
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
