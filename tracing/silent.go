package tracing

import "context"

// New returns a tracer that makes ids and passes traces on, but reports nothing. A trace
// that starts here is not sampled, unless a B3 decision to sample it arrived. One that
// arrives sampled or undecided stays so.
func New() Tracer { return silentTracer{} }

// Unsampled returns the span of a trace that is not reported: the parent itself, or a new
// root if there is none. The returned context has that span. Tracers use Unsampled for
// everything that they do not sample. It decides that a trace is not sampled if nobody
// has decided yet.
func Unsampled(ctx context.Context) (context.Context, Span) {
	parent := spanOf(ctx)
	switch {
	case parent == nil || !parent.IsValid():
		ctx = ContextWithSpan(ctx, SpanContext{}.Child(false))
		parent = spanOf(ctx)
	case parent.Undecided:
		decided := *parent
		decided.Undecided = false
		ctx = ContextWithSpan(ctx, decided)
		parent = spanOf(ctx)
	}
	return ctx, (*silentSpan)(parent)
}

type silentTracer struct{}

// Start implements [Tracer].
func (silentTracer) Start(ctx context.Context, _ string, _ Kind) (context.Context, Span) {
	parent := spanOf(ctx)
	switch {
	case parent != nil && parent.IsValid() && parent.Undecided:
		return ctx, (*silentSpan)(parent)
	case parent != nil && parent.Sampled:
		ctx = ContextWithSpan(ctx, parent.Child(true))
	}
	return Unsampled(ctx)
}

type silentSpan SpanContext

// Context implements [Span].
func (s *silentSpan) Context() SpanContext { return SpanContext(*s) }

// Set implements [Span].
func (*silentSpan) Set(string, string) {}

// End implements [Span].
func (*silentSpan) End(error) {}
