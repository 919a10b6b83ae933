// Package eventtrace carries a trace in an event: for services that publish, and for those
// who store an event to publish it later.
package eventtrace

import (
	"context"
	"maps"

	"github.com/sinew-go/sinew/eventbus"
	"github.com/sinew-go/sinew/tracing"
)

// traceParent is the extension that carries an event's trace.
const traceParent = "traceparent"

// Inject returns the event with the trace of ctx, unless it has one already, as an event
// from an outbox has. e is unchanged.
func Inject(ctx context.Context, e eventbus.Event) eventbus.Event {
	if e.Extensions[traceParent] != "" {
		return e
	}
	e.Extensions = maps.Clone(e.Extensions)
	if e.Extensions == nil {
		e.Extensions = map[string]string{}
	}
	formats := tracing.Formats{tracing.W3C}
	if tracing.SpanContextOf(ctx).Undecided { // W3C cannot express that
		formats = append(formats, tracing.B3)
	}
	formats.Inject(ctx, tracing.Map(e.Extensions))
	return e
}

// Extract returns a context in the trace of the event.
func Extract(ctx context.Context, e eventbus.Event) context.Context {
	return tracing.Extract(ctx, tracing.Map(e.Extensions))
}
