// Package tracing follows a request through all services: a [Tracer] makes spans, and
// [Inject] and [Extract] carry them over the wire.
//
//	ctx, span := tracer.Start(ctx, "charge card", tracing.Internal)
//	defer func() { span.End(err) }()
//
// There are three tracers: the one of [New] makes ids and passes traces on, but reports
// nothing; a [Recorder] stores finished spans in memory; that of package tracing/zipkin
// reports to Zipkin. [Unsampled], [Bounded] and [ErrorTag] help to write another one.
//
// # Guarantees
//
// The decision to sample is made where a trace starts, and every service after that keeps
// to it. The child of an unsampled span is that span itself, so that it costs no
// allocation. Malformed headers start a new trace; they are never an error. Extract reads
// W3C trace context and B3, with one header or with several. B3 ids without a decision
// are passed on until a tracer decides. A B3 decision without ids applies to the trace
// that starts here.
package tracing
