package rest

import (
	"net/http"

	"github.com/sinew-go/sinew/call"
)

// Mux is where routes are registered: an [http.ServeMux], a sinew.Service, or anything
// like them.
//
// A Mux may have seven more methods: IdempotencyStore() idempotency.Store stores the
// answers of its Keyed routes (else each route stores them in memory of its own),
// Subject(r *http.Request) string returns who sent a request (else a verified certificate
// identifies the sender), Logger() *slog.Logger logs panics and the causes of failures
// (else slog.Default()), Prefix() string returns what the path of a request has before
// that of a pattern, such as "/v1" or "/tenants/{tenant}" (else ""): [OpenAPI] adds it, and
// [Route.Forward] leaves it out; Stopping() <-chan struct{} ends the streams of values when
// it is closed; Codecs() Codecs returns the codecs of its routes (else JSON alone);
// Security() *Security protects its routes (else, and if it returns nil, nothing does). The
// mux of a [Prefix] passes on those of the mux around it.
//
// A server that wants the error of each failure passes the routes a [FailureObserver] as
// their writer.
type Mux interface {
	// Handle serves the pattern with h.
	Handle(pattern string, h http.Handler)
}

// Forwarder is a [Route] whatever its types, so that a gateway can have its routes in one
// list.
type Forwarder interface {
	// Forward serves the route on mux by forwarding requests through c.
	Forward(mux Mux, c call.Caller)
}
