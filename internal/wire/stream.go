package wire

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/sinew-go/sinew/fault"
)

// ErrStopping is what ends a stream when its service stops.
var ErrStopping = fault.Unavailable.Errorf("the service stops; call again")

// The media types of a stream of values.
const (
	EventStream = "text/event-stream"
	JSONLines   = "application/x-ndjson"
)

// IsStreamOfValues reports whether an answer with this header is a stream of values, which
// has its failure at its end.
func IsStreamOfValues(h http.Header) bool {
	kind := h.Get("Content-Type")
	return strings.HasPrefix(kind, EventStream) || strings.HasPrefix(kind, JSONLines)
}

// StoppingOf returns what mux closes when its service stops, nil if it does not say.
func StoppingOf(mux any) <-chan struct{} {
	if m, ok := mux.(interface{ Stopping() <-chan struct{} }); ok {
		return m.Stopping()
	}
	return nil
}

// UntilStopping returns a context of a stream that ends when the service stops, with
// ErrStopping as its cause. stopping may be nil. Call end when the stream is over.
func UntilStopping(
	ctx context.Context, stopping <-chan struct{},
) (stream context.Context, end context.CancelCauseFunc) {
	stream, end = context.WithCancelCause(ctx)
	if stopping == nil {
		return stream, end
	}
	go func() {
		select {
		case <-stopping:
			end(ErrStopping)
		case <-stream.Done():
		}
	}()
	return stream, end
}

// WithoutTimeLimits removes the server's limits on the time of a request and its answer. A
// writer without deadlines has none.
func WithoutTimeLimits(w http.ResponseWriter) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Time{})
	_ = c.SetWriteDeadline(time.Time{})
}
