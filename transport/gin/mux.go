package gin

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/wire"
	"github.com/sinew-go/sinew/transport/rest"
)

// Mux is a [rest.Mux] on a group of routes of a Gin engine. Make it with [On]. Register
// all routes before the engine serves requests, and from one goroutine, as Gin demands;
// then a Mux is safe for concurrent use.
type Mux struct {
	group      router
	prefix     string
	routes     *http.ServeMux  // the patterns with the prefix
	serve      http.Handler    // routes, whose 404 and 405 are problem documents
	registered map[string]bool // by method and Gin path
	handlers   []http.Handler
	outer      rest.Mux     // nil unless Within was called
	engine     http.Handler // serves the group; nil unless Within was called
}

// router is a group of routes, or an engine.
type router interface {
	gin.IRoutes
	BasePath() string
}

// On returns a mux that serves routes on group: a *gin.RouterGroup, or a *gin.Engine. They
// are served under its path, within its middlewares. On panics if group is nil, or if its
// path has a form that [http.ServeMux] has not, such as "/v:version".
func On(group interface {
	gin.IRoutes
	BasePath() string
}) *Mux {
	if absent.Is(group) {
		panic("gin.On: the group is nil")
	}
	routes := http.NewServeMux()
	return &Mux{
		group: group, prefix: prefixOf(group.BasePath()),
		routes: routes, serve: rest.ProblemMux(routes),
		registered: map[string]bool{},
	}
}

// Within makes the routes of m operations of outer, such as a sinew.Service: each route
// that is registered on m from here on is registered on outer as well, with the path of the
// group, and engine serves it there. So it has a span, metrics and a place in the limit of
// its own, and is in /openapi.json of the service. Its answers are stored in outer's
// IdempotencyStore, and Subject, Logger, Security and Ready are those of outer, too, as far
// as outer has these methods.
//
// engine is the engine of the group, or a handler around it. Within returns m. It panics if
// outer or engine is nil, and if m has a route already.
func (m *Mux) Within(outer rest.Mux, engine http.Handler) *Mux {
	switch {
	case absent.Is(outer):
		panic("gin: Within: the outer mux is nil")
	case absent.Is(engine):
		panic("gin: Within: the engine is nil")
	case m.handlers != nil:
		panic("gin: Within comes after a route, which would not be part of it: call it first")
	}
	m.outer, m.engine = outer, engine
	return m
}

// Handle serves a pattern of [http.ServeMux] with h, under the path of the group. A pattern
// without a method is served for the nine methods of [net/http]. Handle panics with the
// reason if ServeMux refuses the pattern, or if Gin cannot express it: a host, an asterisk
// or a backslash in the path, a method that is not of capital letters, or a path that
// conflicts with another of the engine. To Gin a variable conflicts with one of another
// name at the same place, and {name...} with every other path at its place.
func (m *Mux) Handle(pattern string, h http.Handler) {
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = "", pattern
	}
	path = strings.TrimLeft(path, " \t")
	switch {
	case absent.Is(h):
		refuse(pattern, "its handler is nil")
	case !strings.HasPrefix(path, "/"):
		refuse(pattern, "Gin routes by method and path, not by host: begin the path with a slash")
	}
	full := strings.TrimLeft(method+" ", " ") + m.prefix + path
	m.routes.Handle(full, h)
	for _, ginPath := range ginPaths(pattern, path) {
		for _, method := range methodsOf(method) {
			m.register(pattern, method, ginPath)
		}
	}
	m.handlers = append(m.handlers, h)
	if m.outer != nil {
		m.outer.Handle(full, mounted{m.engine, h})
	}
}

// register makes Gin pass the requests for a path to m.
func (m *Mux) register(pattern, method, path string) {
	route := method + " " + path
	if m.registered[route] {
		return // for another pattern: routes distinguishes them
	}
	defer func() {
		if p := recover(); p != nil {
			refuse(pattern, fmt.Sprintf("Gin does not accept it for %s: %v", method, p))
		}
	}()
	m.group.Handle(method, path, m.serveGin)
	m.registered[route] = true
}

// serveGin serves a request that Gin has routed to the group. It is routed once more, by
// http.ServeMux, which has the final word: so precedence and the values of path variables
// do not depend on the settings of the engine, and a request gets only a route of this
// group, behind the middlewares that have run.
func (m *Mux) serveGin(c *gin.Context) {
	r := c.Request
	if len(c.Keys) > 0 {
		r = r.WithContext(&keysContext{r.Context(), c.Copy().Keys})
	}
	finished := false
	defer func() {
		if !finished && !c.Writer.Written() { // it panics; gin.Recovery would answer ErrAbortHandler with 200
			c.Status(http.StatusInternalServerError)
		}
	}()
	m.serve.ServeHTTP(c.Writer, r)
	c.Writer.WriteHeaderNow() // so that Gin counts an answer without a body as written
	finished = true
}

// Handlers returns the handlers of the routes, for [rest.OpenAPI].
func (m *Mux) Handlers() []http.Handler { return m.handlers }

// Prefix returns the path of the group in the syntax of [http.ServeMux], "" for that of an
// engine.
func (m *Mux) Prefix() string { return m.prefix }

// IdempotencyStore returns the store of the mux that m is within, or nil.
func (m *Mux) IdempotencyStore() idempotency.Store { return wire.OwnStoreOf(m.outer) }

// Codecs returns the codecs of the mux that m is within, or nil.
func (m *Mux) Codecs() rest.Codecs {
	if o, ok := m.outer.(interface{ Codecs() rest.Codecs }); ok {
		return o.Codecs()
	}
	return nil
}

// Subject returns who sent a request, by the mux that m is within; "" if it does not say.
func (m *Mux) Subject(r *http.Request) string { return wire.SenderOf(m.outer, r) }

// Logger returns the logger of the mux that m is within, or else [slog.Default].
func (m *Mux) Logger() *slog.Logger { return wire.LoggerOf(m.outer)() }

// Stopping returns what the mux that m is within closes when it stops, or nil.
func (m *Mux) Stopping() <-chan struct{} { return wire.StoppingOf(m.outer) }

// Security returns that of the mux that m is within, or nil.
func (m *Mux) Security() *rest.Security {
	if outer, ok := m.outer.(interface{ Security() *rest.Security }); ok {
		return outer.Security()
	}
	return nil
}

// Ready returns that of the mux that m is within, or nil.
func (m *Mux) Ready(ctx context.Context) error {
	if outer, ok := m.outer.(interface{ Ready(context.Context) error }); ok {
		return outer.Ready(ctx)
	}
	return nil
}

// mounted is a route as the outer mux serves it: through the engine.
type mounted struct {
	http.Handler
	route http.Handler
}

// Unwrap returns the handler of the route, which describes it.
func (m mounted) Unwrap() http.Handler { return m.route }

// keysContext is the context of a request with what middlewares have set in its
// gin.Context. It has a copy: an endpoint may leave its context to a goroutine, while the
// middlewares go on to set values.
type keysContext struct {
	context.Context
	keys map[any]any
}

// Value implements [context.Context].
func (c *keysContext) Value(key any) any {
	if v, ok := c.keys[key]; ok {
		return v
	}
	return c.Context.Value(key)
}
