package grpc

import (
	"log/slog"
	"net/http"

	"github.com/sinew-go/sinew/idempotency"
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

func storeOf(mux Mux) idempotency.Store {
	if m, ok := mux.(interface {
		IdempotencyStore() idempotency.Store
	}); ok {
		if store := m.IdempotencyStore(); store != nil {
			return store
		}
	}
	return idempotency.NewMemory()
}

func loggerOf(mux Mux) func() *slog.Logger {
	if m, ok := mux.(interface{ Logger() *slog.Logger }); ok {
		return m.Logger
	}
	return slog.Default
}

func subjectOf(mux Mux) func(*http.Request) string {
	if m, ok := mux.(interface{ Subject(r *http.Request) string }); ok {
		return m.Subject
	}
	return nil
}

func stoppingOf(mux Mux) <-chan struct{} {
	if m, ok := mux.(interface{ Stopping() <-chan struct{} }); ok {
		return m.Stopping()
	}
	return nil
}
