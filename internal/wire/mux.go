package wire

import (
	"log/slog"
	"net/http"

	"github.com/sinew-go/sinew/idempotency"
)

// StoreOf returns the store in which mux keeps the answers of keyed operations: its own, or
// else a new one in memory.
func StoreOf(mux any) idempotency.Store {
	if store := OwnStoreOf(mux); store != nil {
		return store
	}
	return idempotency.NewMemory()
}

// OwnStoreOf returns the store of mux, by its method IdempotencyStore, or nil.
func OwnStoreOf(mux any) idempotency.Store {
	if m, ok := mux.(interface {
		IdempotencyStore() idempotency.Store
	}); ok {
		return m.IdempotencyStore()
	}
	return nil
}

// LoggerOf returns the method Logger of mux, or else [slog.Default].
func LoggerOf(mux any) func() *slog.Logger {
	if m, ok := mux.(interface{ Logger() *slog.Logger }); ok {
		return m.Logger
	}
	return slog.Default
}

// SubjectOf returns the method Subject of mux, which says who sent a request, or else nil.
func SubjectOf(mux any) func(*http.Request) string {
	if m, ok := mux.(interface{ Subject(r *http.Request) string }); ok {
		return m.Subject
	}
	return nil
}

// SenderOf returns who sent a request, by SubjectOf(mux), "" if mux does not say.
func SenderOf(mux any, r *http.Request) string {
	if subject := SubjectOf(mux); subject != nil {
		return subject(r)
	}
	return ""
}
