// Package call has what middlewares, policies and transports know of a call between
// services: its [Record], and its [Trail] when it fails.
//
// # The record
//
// A service puts the record of the request that it serves into the context of the handler,
// and a client puts the record of the call that it makes into the context of the attempt.
// [Of] returns the nearest record, or nil where neither a service nor a client of sinew is
// involved, as with a middleware that is used alone:
//
//	if r := call.Of(ctx); r != nil {
//		log.Print(r.RequestID, r.From)
//	}
//
// A call that a handler makes belongs to the same user request as the call that it serves:
// request id and priority travel on. [With] sets what is to travel with the next call:
//
//	ctx = call.With(ctx, call.Record{IdempotencyKey: "order-7", HashKey: userID})
//
// # The trail
//
// The error of a call that failed is a [*Trail], which says what each attempt met. Only an
// error that blames the caller, such as fault.NotFound, is returned as it is if the call
// had no second attempt:
//
//	if trail, ok := errors.AsType[*call.Trail](err); ok {
//		log.Print(trail)
//	}
//
// A call that succeeds has no trail, and pays nothing for trails. An [Explanation], which
// sinew.Explain makes, collects the trails of all calls in a context, including those of
// successful ones, with the [Situation] in which each attempt was made.
//
// # Transports
//
// A transport such as transport/rest sends one attempt. A [Caller], such as a client of
// package sinew, decides to which instance and how often.
package call
