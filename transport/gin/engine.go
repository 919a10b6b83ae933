package gin

import (
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"

	"github.com/sinew-go/sinew/transport/rest"
)

// LikeServeMux is an option for [gin.New], and for the method With of an engine, that makes
// the engine route as [http.ServeMux] does:
//
//   - A path is matched in its escaped form, so that "/orders/a%2Fb" has the id "a/b".
//     Otherwise Gin searches for "/orders/a/b". The method Param of a gin.Context then reads
//     a plus sign as a blank; the values that routes get are right either way.
//   - What has no route is answered as [rest.ProblemMux] does: with a problem document for
//     404, and for 405 if other methods have a route there, or with a redirect to the
//     clean path, or to the one with a slash at its end.
//
// It sets NoRoute, so an engine that has handlers of its own for that needs no LikeServeMux,
// but UseEscapedPath alone.
func LikeServeMux(engine *gin.Engine) {
	engine.UseEscapedPath = true
	engine.RedirectTrailingSlash = false
	engine.RedirectFixedPath = false
	engine.HandleMethodNotAllowed = false // with some routes Gin 1.12 panics when it searches other methods
	unrouted := sync.OnceValue(func() http.Handler { return mirror(engine.Routes()) })
	engine.NoRoute(func(c *gin.Context) { unrouted().ServeHTTP(c.Writer, c.Request) })
}

// mirror returns a handler that knows the routes of an engine and serves none of them: only
// within the middlewares of its group may a route be served.
func mirror(routes gin.RoutesInfo) http.Handler {
	notFound := rest.ProblemMux(http.NewServeMux())
	mux := http.NewServeMux()
	for _, r := range routes {
		addMirrored(mux, r.Method+" "+mirrorPath(r.Path), notFound)
	}
	return rest.ProblemMux(mux)
}

// addMirrored adds a pattern unless http.ServeMux cannot have it beside the others. Then
// the path is answered with 404 instead of 405.
func addMirrored(mux *http.ServeMux, pattern string, h http.Handler) {
	defer func() { _ = recover() }()
	mux.Handle(pattern, h)
}

// mirrorPath returns a path of Gin in the syntax of http.ServeMux, in which a variable is a
// whole segment and has the name of an identifier.
func mirrorPath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		switch {
		case strings.HasPrefix(part, ":"):
			parts[i] = "{v" + strconv.Itoa(i) + "}"
		case strings.HasPrefix(part, "*"):
			parts[i] = "{v" + strconv.Itoa(i) + "...}"
		case part == "" && i == len(parts)-1:
			parts[i] = "{$}"
		}
	}
	return strings.Join(parts, "/")
}
