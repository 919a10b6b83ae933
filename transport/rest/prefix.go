package rest

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/idempotency"
	"github.com/sinew-go/sinew/internal/absent"
	"github.com/sinew-go/sinew/internal/wire"
)

// Prefix is what the paths of several routes begin with, such as "/v1". Both sides use it:
//
//	const V1 rest.Prefix = "/v1"
//
//	GetOrder.Handle(V1.Mux(svc), get)                       // the service: GET /v1/orders/{id}
//	get := GetOrder.Endpoint(V1.Caller(svc.Client("order"))) // its caller
//
// So a Route says nothing of its version, and may be served under several. The name of the
// operation has the prefix on both sides. An empty Prefix adds nothing: its Mux is a group
// of routes with middlewares of their own.
type Prefix string

// Mux returns a mux that serves routes on outer, under the prefix and within the
// middlewares, the first outermost. The middlewares run inside of what outer does for each
// route: in a sinew.Service, within its span, metrics and limit. What outer has besides
// Handle, such as a Subject, the returned mux has as well.
//
// The prefix may have variables, as in "/tenants/{tenant}", which middlewares read by
// [http.Request.PathValue]. Mux panics if outer or a middleware is nil, or if the prefix is
// no path such as "/v1".
func (p Prefix) Mux(outer Mux, mws ...func(http.Handler) http.Handler) Mux {
	p.segments()
	if absent.Is(outer) {
		p.refuse("the mux that shall serve it is nil")
	}
	if slices.ContainsFunc(mws, func(mw func(http.Handler) http.Handler) bool { return mw == nil }) {
		p.refuse("a middleware is nil")
	}
	return &group{outer: outer, own: string(p), mws: slices.Clone(mws)}
}

// Caller returns a caller that calls routes under the prefix through c. It panics if c is
// nil, or if the prefix is no path or has variables: fill them in.
func (p Prefix) Caller(c call.Caller) call.Caller {
	path := ""
	for _, s := range p.segments() {
		if s.name != "" {
			p.refuse("{%s} is a variable; a caller needs its value in place of it", s.name)
		}
		path += "/" + s.literal
	}
	if absent.Is(c) {
		p.refuse("the caller is nil")
	}
	below := prefixedCaller{Caller: c, prefix: p, path: path}
	if h, ok := c.(http2Client); ok {
		return prefixedHTTP2Caller{below, h}
	}
	return below
}

// segments returns the parsed prefix. It panics unless that is empty or a path such as
// "/v1".
func (p Prefix) segments() []segment {
	if p == "" {
		return nil
	}
	all := parsePattern("GET " + string(p)).segments
	if s := all[len(all)-1]; s.multi || s == (segment{}) {
		p.refuse(`it ends in a slash, or in a variable for the whole rest; "/v1" is a prefix`)
	}
	return all
}

func (p Prefix) refuse(format string, args ...any) {
	panic(fmt.Sprintf("rest: prefix %q: %s", string(p), fmt.Sprintf(format, args...)))
}

// group is the mux of a Prefix, of Codecs, or of a Security.
type group struct {
	outer    Mux
	own      string
	mws      []func(http.Handler) http.Handler
	codecs   Codecs    // nil for those of the outer mux
	security *Security // nil for that of the outer mux
}

// Handle implements [Mux].
func (g *group) Handle(pattern string, h http.Handler) {
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = "", pattern
	}
	path = strings.TrimLeft(path, " \t")
	if g.own != "" && !strings.HasPrefix(path, "/") {
		Prefix(g.own).refuse("the pattern %q has a host, before which no prefix can be", pattern)
	}
	served := h
	for _, mw := range slices.Backward(g.mws) {
		if served = mw(served); absent.Is(served) {
			Prefix(g.own).refuse("a middleware returned a nil handler for %q; return next, or one around it", pattern)
		}
	}
	if len(g.mws) > 0 {
		served = wrapped{served, h}
	}
	g.outer.Handle(strings.TrimLeft(method+" ", " ")+g.own+path, served)
}

// Prefix returns what the paths of requests begin with.
func (g *group) Prefix() string {
	if m, ok := g.outer.(interface{ Prefix() string }); ok {
		return m.Prefix() + g.own
	}
	return g.own
}

// IdempotencyStore returns that of the outer mux, or nil.
func (g *group) IdempotencyStore() idempotency.Store { return wire.OwnStoreOf(g.outer) }

// Subject returns who sent a request, by the outer mux; "" if it does not say.
func (g *group) Subject(r *http.Request) string { return wire.SenderOf(g.outer, r) }

// Logger returns that of the outer mux, or else [slog.Default].
func (g *group) Logger() *slog.Logger { return wire.LoggerOf(g.outer)() }

// Handlers returns those of the outer mux, as far as it has the method.
func (g *group) Handlers() []http.Handler {
	if m, ok := g.outer.(interface{ Handlers() []http.Handler }); ok {
		return m.Handlers()
	}
	return nil
}

// Codecs returns the group's own, or else those of the outer mux.
func (g *group) Codecs() Codecs {
	if g.codecs != nil {
		return g.codecs
	}
	return codecsOf(g.outer)
}

// Stopping returns that of the outer mux, or nil.
func (g *group) Stopping() <-chan struct{} { return wire.StoppingOf(g.outer) }

// Security returns that of [Security.Mux], or else that of the outer mux, or nil.
func (g *group) Security() *Security {
	if g.security != nil {
		return g.security
	}
	return securityOf(g.outer)
}

// Ready returns that of the outer mux, or nil.
func (g *group) Ready(ctx context.Context) error {
	if m, ok := g.outer.(interface{ Ready(context.Context) error }); ok {
		return m.Ready(ctx)
	}
	return nil
}

// wrapped is a route within middlewares.
type wrapped struct {
	http.Handler
	route http.Handler
}

// Unwrap returns the handler of the route, which describes it.
func (w wrapped) Unwrap() http.Handler { return w.route }

// prefixedCaller is the caller of a Prefix.
type prefixedCaller struct {
	call.Caller
	prefix Prefix
	path   string // escaped
}

// Call implements [call.Caller].
func (c prefixedCaller) Call(ctx context.Context, op call.Operation, send func(ctx context.Context, addr string) error) error {
	if method, path, found := strings.Cut(op.Name, " "); found {
		op.Name = method + " " + string(c.prefix) + strings.TrimLeft(path, " \t")
	}
	return c.Caller.Call(ctx, op, func(ctx context.Context, addr string) error {
		return send(ctx, strings.TrimSuffix(addr, "/")+c.path)
	})
}

// HTTPClient returns the client that sends the attempts.
func (c prefixedCaller) HTTPClient() *http.Client { return clientOf(c.Caller) }

// Codecs returns those of the caller within.
func (c prefixedCaller) Codecs() Codecs { return codecsOf(c.Caller) }

// http2Client is what a caller has that serves transports that need HTTP/2.
type http2Client interface{ HTTP2Client() *http.Client }

// prefixedHTTP2Caller is a prefixedCaller around a caller that has an HTTP2Client.
type prefixedHTTP2Caller struct {
	prefixedCaller
	http2Client
}
