package tracing

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"

	"github.com/sinew-go/sinew/internal/callctx"
	"github.com/sinew-go/sinew/internal/contextkey"
)

// Tracer makes spans. It is safe for concurrent use.
type Tracer interface {
	// Start starts a span as a child of the span in ctx, local or remote, or as the root
	// of a new trace. The returned context has the new span. The span must be ended.
	Start(ctx context.Context, name string, kind Kind) (context.Context, Span)
}

// Span is one piece of work in a trace. It is safe for concurrent use.
type Span interface {
	// Context returns the identity of the span.
	Context() SpanContext
	// Set adds a tag, or replaces the one with the same key. It does nothing after End.
	Set(key, value string)
	// End ends the span; an error becomes its tag "error". Only the first call counts.
	End(err error)
}

// Kind is a span's role in a call.
type Kind int

// The kinds of spans.
const (
	Internal Kind = iota
	Client
	Server
	Producer
	Consumer
)

// String returns the name of the kind in lower case: "client". An unknown kind is
// "internal".
func (k Kind) String() string {
	names := [...]string{"internal", "client", "server", "producer", "consumer"}
	if k < 0 || int(k) >= len(names) {
		return "internal"
	}
	return names[k]
}

// TraceID identifies a trace.
type TraceID [16]byte

// String returns the id in 32 hex digits.
func (t TraceID) String() string { return hex.EncodeToString(t[:]) }

// SpanID identifies a span within its trace.
type SpanID [8]byte

// String returns the id in 16 hex digits.
func (s SpanID) String() string { return hex.EncodeToString(s[:]) }

// SpanContext is the part of a span that travels. If it is sampled and has no ids, it is
// only the decision for a trace that is yet to start.
type SpanContext struct {
	TraceID TraceID
	SpanID  SpanID
	// ParentID is the id of the span above; it is zero for a root, and if it is not known.
	ParentID SpanID
	// Sampled says that the spans of this trace are reported.
	Sampled bool
	// Undecided says that nobody has decided yet whether the trace is sampled: the next
	// tracer decides. Sampled is then false.
	Undecided bool
	// State is the W3C tracestate, which is passed on unchanged.
	State string
}

// IsValid reports whether c identifies a span: neither id is zero.
func (c SpanContext) IsValid() bool { return c.TraceID != TraceID{} && c.SpanID != SpanID{} }

// Child returns the context of a new span below c, or of a new root if c is not valid. If
// nothing is decided yet, sampled is the decision.
func (c SpanContext) Child(sampled bool) SpanContext {
	if !c.IsValid() {
		c = SpanContext{TraceID: newTraceID(), Sampled: c.Sampled, Undecided: !c.Sampled}
	}
	if c.Undecided {
		c.Sampled, c.Undecided = sampled, false
	}
	c.ParentID, c.SpanID = c.SpanID, newSpanID()
	return c
}

// SpanContextOf returns the span in ctx: the local one, or the one that [Extract] found.
// It is not valid if there is none.
func SpanContextOf(ctx context.Context) SpanContext {
	if c := spanOf(ctx); c != nil {
		return *c
	}
	return SpanContext{}
}

// ContextWithSpan returns ctx with c as its span.
func ContextWithSpan(ctx context.Context, c SpanContext) context.Context {
	if made, ok := ctx.(*callctx.Context[SpanContext]); ok {
		if child := made.WithSpan(c); child != nil {
			return child
		}
	}
	return &spanContext{Context: ctx, span: c}
}

// spanContext holds the context and the span in one allocation.
type spanContext struct {
	context.Context
	span SpanContext
}

// Value implements [context.Context].
func (c *spanContext) Value(key any) any {
	if _, ok := key.(contextkey.Span); ok {
		return &c.span
	}
	return c.Context.Value(key)
}

func spanOf(ctx context.Context) *SpanContext {
	c, _ := ctx.Value(contextkey.Span{}).(*SpanContext)
	return c
}

func newTraceID() (id TraceID) {
	for id == (TraceID{}) {
		binary.BigEndian.PutUint64(id[:8], rand.Uint64())
		binary.BigEndian.PutUint64(id[8:], rand.Uint64())
	}
	return id
}

func newSpanID() (id SpanID) {
	for id == (SpanID{}) {
		binary.BigEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}
