// Package tracing follows a request through all services: a [Tracer] makes
// spans, and [Inject] and [Extract] carry them over the wire.
//
//	ctx, span := tracer.Start(ctx, "charge card", tracing.Internal)
//	defer func() { span.End(err) }()
//
// [New] makes ids and lets traces travel, and reports nothing; [Recorder] keeps
// finished spans in memory; tracing/zipkin reports to Zipkin.
//
// # Guarantees
//
// The decision to sample is made where a trace starts and is kept by every
// service that follows. A child of an unsampled span costs no allocation: it is
// its parent. Headers that are malformed begin a new trace; they are never an
// error. W3C trace context, B3 single and B3 multi are all understood. B3's ids
// without a decision let the next tracer decide, and go on so until one does; its
// decision without ids holds for the trace that begins.
package tracing
