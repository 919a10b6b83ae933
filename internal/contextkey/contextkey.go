// Package contextkey has the keys under which a context holds what belongs to its call.
// The packages that store the values are below those that read them, so the keys are here.
package contextkey

type (
	// Record is the key of the *call.Record.
	Record struct{}
	// Call is the key of the *callctx.Call, which sinew's own parts share.
	Call struct{}
	// Span is the key of the *tracing.SpanContext.
	Span struct{}
)
