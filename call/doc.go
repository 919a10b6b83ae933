// Package call has what the layers that take part in one call between services know of it:
// its [Record], and its [Trail] when it fails.
//
// # The record
//
// A service puts the record of the request that it serves into the context of the handler,
// and a client puts the record of the call that it makes into the context of the attempt.
// [Of] returns the nearest one, or nil if a part is used alone:
//
//	if r := call.Of(ctx); r != nil {
//		log.Print(r.RequestID, r.From)
//	}
//
// What a handler calls in turn belongs to the same user request: its request id and
// priority travel on. [With] sets what is to travel with the next call:
//
//	ctx = call.With(ctx, call.Record{IdempotencyKey: "order-7", HashKey: userID})
//
// # The trail
//
// The error of a call that failed after several attempts, or of which something other than
// the callee's answer was the end, is a [*Trail], which says what each attempt met:
//
//	if trail, ok := errors.AsType[*call.Trail](err); ok {
//		log.Print(trail)
//	}
//
// A successful call leaves no trail, and costs nothing for it. An [Explanation], which
// sinew.Explain makes, collects the trails of all calls in a context, successful ones too,
// with the [Situation] in which each attempt was made.
//
// # Transports
//
// A transport such as transport/rest sends one attempt; a [Caller] decides where to and
// how often.
package call
