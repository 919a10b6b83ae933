// Package middleware has the HTTP middlewares that most services ask for: [CORS],
// [Compression], [Decompression], [ETag], [SecureHeaders] and [RequestLog]. Each is a
// func(http.Handler) http.Handler, for Use of a sinew.Service and for every other handler:
//
//	svc.Use(
//		middleware.CORS{Origins: []string{"https://shop.example"}}.Middleware(),
//		middleware.SecureHeaders{}.Middleware(),
//		middleware.Compression{}.Middleware(),
//		middleware.Decompression{}.Middleware(),
//		middleware.ETag{}.Middleware(),
//	)
//
// That is the order in which they belong, the first outermost: CORS answers a preflight,
// which has no credentials, before anything could refuse it; ETag is inside of
// Compression, so that the tag is that of the content.
//
// Each policy is plain data whose zero value is safe, with Validate and WithDefaults; its
// Middleware panics if it is invalid. Streams pass through all of them: of events, of gRPC
// and Connect, and upgraded connections. What the writers of the middlewares do not
// implement themselves is reached by [http.ResponseController].
package middleware
