package grpc

import (
	"net/http"
)

// Mux is where methods are served: an [http.ServeMux], a sinew.Service, or anything like
// them.
//
// A Mux may have the further methods of a rest.Mux: IdempotencyStore, Subject and Logger.
// It may have three more: Handlers() []http.Handler returns what is served already, which
// adds health and reflection once; Ready(context.Context) error is what health reports;
// and Stopping() <-chan struct{} ends the streams when it is closed.
type Mux interface {
	// Handle serves the pattern with h.
	Handle(pattern string, h http.Handler)
}
