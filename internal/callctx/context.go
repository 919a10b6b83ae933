package callctx

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/contextkey"
	"github.com/sinew-go/sinew/internal/deadline"
)

// Context holds the context of a call, its deadline, the Call and its first span in one
// allocation. Span is tracing.SpanContext. It is safe for concurrent use, except for its
// Call.
type Context[Span any] struct {
	deadline.Context
	// Call is what Of returns.
	Call Call

	trail    trail
	spanned  spannedContext[Span]
	spanUsed atomic.Bool
}

// spannedContext is the context of a call within a span.
type spannedContext[Span any] struct {
	*Context[Span]
	span Span
}

// Begin returns the context of a call to op that starts now. It ends at until, or when ctx
// ends if that is earlier. The record is derived from ctx as by Outgoing, and ctx becomes
// its CallerOf. Call Stop when the call is over.
func Begin[Span any](ctx context.Context, op call.Operation, now, until time.Time) *Context[Span] {
	b := &Context[Span]{}
	b.Context.Init(ctx, until)
	c := &b.Call
	derive(ctx, &c.Record, op)
	c.Start, c.stamp, c.caller = now, readingOf(0), ctx
	c.Deadline, _ = b.Deadline()
	c.attachTrail(&b.trail)
	return b
}

// WithSpan returns a child that has the span, without an allocation. It does so once; nil
// says that the place for a span is in use.
func (b *Context[Span]) WithSpan(s Span) context.Context {
	if !b.spanUsed.CompareAndSwap(false, true) {
		return nil
	}
	b.spanned = spannedContext[Span]{Context: b, span: s}
	return &b.spanned
}

// Value implements [context.Context].
func (b *Context[Span]) Value(key any) any {
	switch key.(type) {
	case contextkey.Record:
		return &b.Call.Record
	case contextkey.Call:
		return &b.Call
	}
	return b.Context.Value(key)
}

// Value implements [context.Context].
func (s *spannedContext[Span]) Value(key any) any {
	if _, ok := key.(contextkey.Span); ok {
		return &s.span
	}
	return s.Context.Value(key)
}
