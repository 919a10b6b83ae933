package wire

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/internal/deadline"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/tracing"
)

var untrustedValue = []string{"1"} // shared, which saves an allocation; it must not be modified

// Inject writes the metadata of a call into the headers. It leaves out what cannot travel:
// that is no reason to fail a call.
func Inject(ctx context.Context, h http.Header) {
	tracing.Inject(ctx, h)
	if state := h[HeaderState]; state != nil && !IsHeaderValue(state[0]) {
		delete(h, HeaderState)
	}
	lines := make(headertext.Lines, 0, 5)
	if until, ok := ctx.Deadline(); ok {
		if left := time.Until(until); left > 0 {
			text := strconv.AppendInt(make([]byte, 0, 24), max(deadline.ForCallee(left).Milliseconds(), 1), 10)
			lines.Set(h, HeaderTimeout, string(append(text, "ms"...)))
			if deadline.IsForeign(ctx) {
				h[HeaderUntrusted] = untrustedValue
			}
		}
	}
	r := call.Of(ctx)
	if r == nil {
		return
	}
	if id := headertext.OrEmpty(r.RequestID); id != "" {
		lines.Set(h, HeaderRequestID, id)
	}
	if from := headertext.OrEmpty(r.From); from != "" {
		lines.Set(h, HeaderService, from)
	}
	if r.Attempt > 1 || r.Repeated {
		lines.Set(h, HeaderAttempt, strconv.Itoa(max(r.Attempt, 2)))
	}
	if r.Priority != 0 {
		lines.Set(h, HeaderPriority, strconv.Itoa(r.Priority))
	}
}
