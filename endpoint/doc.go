// Package endpoint is the core of sinew: an operation as a typed function, whether this
// process serves it or calls it, and the middlewares that wrap such a function.
//
//	type Endpoint[Req, Resp any] func(ctx context.Context, req Req) (Resp, error)
//
// A REST handler, a call through discovery and an event handler are all Endpoints, so one
// middleware serves them all.
//
// # Order
//
// In e.With(a, b) the first middleware is the outermost: a sees the request first and the
// answer last.
//
// # A middleware of your own
//
// A [Middleware] is a function around a [Func], which sees requests and responses as any,
// so that one serves endpoints of all types:
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
// It can be used wherever a middleware of sinew can: ep.With(audited(log)),
// route.Handle(svc, f, audited(log)) and route.Endpoint(client, audited(log)) of package
// transport/rest, topic.Handle(bus, group, f, audited(log)) of package eventbus.
//
// # Laws
//
// With() is the identity; e.With(a, b) is e.With(b).With(a); [Then] is associative, with
// [Identity] as its unit on both sides.
//
// # go-kit
//
// [Middleware] is go-kit's own type, so With accepts a go-kit middleware unchanged, and a
// go-kit chain accepts those of sinew. [Endpoint.Kit] and [FromKit] convert an endpoint in
// either direction. If a middleware returns a nil response, the result is the zero Resp
// with the middleware's error. If it returns a response of another type than Resp without
// an error, the error is fault.Internal, which names both types. If a response implements
// go-kit's Failer, the error that its method Failed returns is the error of the call.
//
// # Cost
//
// If request and response are pointers, With adds no allocation to a call. A request or
// response that is not a pointer costs one allocation each, for its conversion to any.
package endpoint
