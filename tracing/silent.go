package tracing

import "context"

// New is a tracer that gives traces their ids and lets them travel, and reports
// nothing. A trace that starts here is not sampled; one that comes sampled
// stays so, and one that comes undecided, too.
func New() Tracer { return silentTracer{} }

// Unsampled is the span of a trace that nobody reports: the parent itself in a
// trace that goes on, or a new root. Tracers use it for all that they do not
// sample. A trace that was undecided is decided so.
func Unsampled(ctx context.Context) (context.Context, Span) {
	parent := of(ctx)
	switch {
	case parent == nil || !parent.IsValid():
		ctx = ContextWithSpan(ctx, SpanContext{}.Child(false))
		parent = of(ctx)
	case parent.Undecided:
		decided := *parent
		decided.Undecided = false
		ctx = ContextWithSpan(ctx, decided)
		parent = of(ctx)
	}
	return ctx, (*silent)(parent)
}

type silentTracer struct{}

// Start implements [Tracer].
func (silentTracer) Start(ctx context.Context, _ string, _ Kind) (context.Context, Span) {
	parent := of(ctx)
	switch {
	case parent != nil && parent.IsValid() && parent.Undecided:
		return ctx, (*silent)(parent)
	case parent != nil && parent.Sampled:
		ctx = ContextWithSpan(ctx, parent.Child(true))
	}
	return Unsampled(ctx)
}

type silent SpanContext

// Context implements [Span].
func (s *silent) Context() SpanContext { return SpanContext(*s) }

// Set implements [Span].
func (*silent) Set(string, string) {}

// End implements [Span].
func (*silent) End(error) {}
