// Package tracing follows a request through all services: a [Tracer] makes spans, and
// [Inject] and [Extract] carry them over the wire.
//
//	ctx, span := tracer.Start(ctx, "charge card", tracing.Internal)
//	defer func() { span.End(err) }()
//
// [New] makes ids and passes traces on, but reports nothing; [Recorder] stores finished
// spans in memory; tracing/zipkin reports to Zipkin.
//
// # Guarantees
//
// The decision to sample is made where a trace starts, and every service after that keeps
// to it. A child of an unsampled span costs no allocation: it is its parent. Malformed
// headers start a new trace; they are never an error. W3C trace context, B3 single and B3
// multi are all understood. B3 ids without a decision are passed on until a tracer
// decides; a B3 decision without ids applies to the trace that starts here.
package tracing
