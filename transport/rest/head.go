package rest

import (
	"net/http"

	"github.com/sinew-go/sinew/internal/wire"
)

// markHead returns a writer that knows that the request is a HEAD.
func markHead(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	if r.Method != http.MethodHead || isHead(w) {
		return w
	}
	return headWriter{w}
}

// isHead reports whether w, or a writer that it wraps, answers a HEAD.
func isHead(w http.ResponseWriter) bool {
	at, ok := wire.WriterOf[interface{ RequestMethod() string }](w)
	return ok && at.RequestMethod() == http.MethodHead
}

// headWriter writes the answer to a HEAD.
type headWriter struct{ http.ResponseWriter }

// RequestMethod returns HEAD, for isHead.
func (headWriter) RequestMethod() string { return http.MethodHead }

// Flush implements http.Flusher, for handlers that assert it.
func (h headWriter) Flush() { _ = http.NewResponseController(h.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController reach the wrapped writer.
func (h headWriter) Unwrap() http.ResponseWriter { return h.ResponseWriter }
