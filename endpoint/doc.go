// Package endpoint is the core of sinew: a call to or into a service as a typed function,
// and the middlewares that wrap it.
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
// It can be used wherever ours can: ep.With(audited(log)), route.Handle(svc, f,
// audited(log)), route.Endpoint(client, audited(log)), topic.Handle(bus, group, f,
// audited(log)).
//
// # Laws
//
// With() is the identity; e.With(a, b) is e.With(b).With(a); [Then] is associative, with
// [Identity] as its unit on both sides.
//
// # go-kit
//
// [Middleware] is go-kit's own type, so With accepts a go-kit middleware unchanged, and
// ours fit into a go-kit chain. [Endpoint.Kit] and [FromKit] convert an endpoint in either
// direction. If a middleware returns a nil response, the result is the zero Resp with the
// middleware's error. If it returns another type than Resp, the result is fault.Internal,
// which names both types. A response that implements go-kit's Failer counts as its error.
//
// # Cost
//
// With pointer requests and responses a middleware call allocates nothing. A request or
// response that is not a pointer is boxed, which is one allocation each.
package endpoint
