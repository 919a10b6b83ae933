// Package endpoint is the centre of sinew: a call to or into a service as a
// typed function, and the middlewares that wrap it.
//
//	type Endpoint[Req, Resp any] func(ctx context.Context, req Req) (Resp, error)
//
// A REST handler, a call through discovery, an event handler: each is an
// Endpoint, so one middleware serves them all.
//
// # Order
//
// In e.With(a, b) the first middleware is the outermost: a sees the request
// first and the answer last.
//
// # A middleware of one's own
//
// A [Middleware] is a function around a [Func], which sees requests and responses as
// any, so that one serves endpoints of all types:
//
//	func audited(log *slog.Logger) endpoint.Middleware {
//		return func(next endpoint.Func) endpoint.Func {
//			return func(ctx context.Context, request any) (any, error) {
//				response, err := next(ctx, request)
//				log.InfoContext(ctx, "audit", "request", request, "error", err)
//				return response, err
//			}
//		}
//	}
//
// It goes wherever ours go: ep.With(audited(log)), route.Handle(svc, f, audited(log)),
// route.Endpoint(client, audited(log)), topic.Handle(bus, group, f, audited(log)).
//
// # Laws
//
// With() is the identity; e.With(a, b) is e.With(b).With(a); [Then] is
// associative, with [Identity] as its unit on both sides.
//
// # go-kit
//
// [Middleware] is go-kit's own type, so a go-kit middleware goes into With
// unchanged, and ours go into a go-kit chain. [Endpoint.Kit] and [FromKit]
// convert an endpoint either way. A middleware that returns a nil response
// gives the zero Resp with its error; one that returns another type than Resp
// gives fault.Internal naming both; a response that implements go-kit's Failer
// counts as its error.
//
// # Cost
//
// With pointer requests and responses a middleware call allocates nothing. A
// request or response that is no pointer is boxed, one allocation each.
//
// # The record of a call
//
// What several layers need to know of one call is a [Call], put into the
// context once by whoever starts it. [CallOf] is nil when a part is used alone.
//
// The record also says what the call has gone through. Whoever makes attempts
// notes those that failed with [Call.Note] and ends the call with [Call.End], whose
// [Trail] is the error of a call that failed; of a call that goes well nothing is
// noted. Where [Call.Explained] says so, each attempt is noted with its
// [Situation], for an [Explanation].
//
// # Once per key
//
// [Keyed], and the Keyed routes of package rest, run a request once per idempotency
// key, and [Once] anything else. [MemoryStore] and [SQLStore] remember the answers.
// A process that dies between a change and its answer leaves a key that runs again a
// minute later, unless the handler has kept its answer in the transaction of the
// change, by [Keep]. docs/design.md has what holds at each step.
package endpoint
