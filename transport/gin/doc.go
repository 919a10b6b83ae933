// Package gin serves routes of package rest by an engine of Gin
// (github.com/gin-gonic/gin), within the middlewares of Gin that a system has already:
//
//	import (
//		"github.com/gin-gonic/gin"
//		sinewgin "github.com/sinew-go/sinew/transport/gin"
//	)
//
//	engine := gin.New(sinewgin.LikeServeMux)
//	v1 := sinewgin.On(engine.Group("/v1", auth))
//	Place.Handle(v1, place)     // POST /v1/orders
//	Get.Handle(v1, get)         // GET /v1/orders/:id
//
// It is a module of its own. The reverse needs nothing of it: an engine is an
// http.Handler, so sinew.Service.Handle("/legacy/", engine) serves all its routes with
// spans, metrics and the limit of the service, as one operation. [Mux.Within] makes each
// route an operation of its own.
//
// # Guarantees
//
// A route behaves as on an [http.ServeMux]: path variables, bodies, problem documents,
// metadata, idempotency keys and [rest.Route.Forward] are the same. Gin decides whether a
// request reaches the group and which middlewares run; then an http.ServeMux chooses among
// the routes of the Mux, by the escaped path. So no setting of the engine changes what a
// path variable is, and no route runs outside of the middlewares of its group. The method
// Param of a gin.Context, which middlewares may use, reads what Gin has found.
//
// What a middleware has stored by Set of the gin.Context, and in the context of its
// Request, is found by the method Value of the endpoint's context. A route answers for a
// panic of its endpoint itself, so gin.Recovery sees none but [http.ErrAbortHandler], which
// it answers: with status 500, unless the answer has begun.
//
// A middleware that replaces the Writer of the gin.Context should give its own a method
// Unwrap() http.ResponseWriter. Without it a service that the engine is part of learns the
// status of a failure and not its error, and time limits of the route have no effect.
//
// # What Gin does not do
//
// With [LikeServeMux] these are the differences:
//
//   - Some patterns are refused: see [Mux.Handle].
//   - A pattern without a method is served for the nine methods of net/http only.
//   - A literal is found decoded and in its usual escaped form: /orders is not found as
//     /%6Frders.
//   - Gin does not always go back from a literal to a variable: with GET /a/{x} and
//     GET /{y}/{z...} it finds nothing at /a/b/c.
//
// Such a request is answered with 404, or with 405 for its method; none gets to another
// route of the Mux. Without LikeServeMux, also a slash in a path variable is not found, and 404, 405
// and redirects are Gin's own.
package gin
