package wire

import (
	"context"
	"crypto/rand"
	"net/http"
	"strconv"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/tracing"
)

var errExpired = fault.DeadlineExceeded.Errorf("the deadline of the call had passed before it arrived").WithUnprocessed()

// Read returns the request's context with a record of the call, and keeps the record
// that rest.ReadMetadata has put there. trusted is that of rest.ReadMetadata. It replaces
// the record of an attempt: that is the caller's own, found here if both run in one
// process with only a call between them. An error means that the request must not run,
// since its deadline has passed. Call stop when the request is answered.
func Read(r *http.Request, trusted func(*http.Request) bool) (ctx context.Context, stop func(), err error) {
	ctx, stop = r.Context(), func() {}
	if c := call.Of(ctx); c != nil && c.Attempt == 0 {
		return ctx, stop, nil
	}
	c := call.Record{Start: time.Now(), RequestID: headertext.OrEmpty(r.Header.Get(HeaderRequestID)), IdempotencyKey: readKey(r.Header)}
	if c.RequestID == "" {
		c.RequestID = rand.Text()
	}
	ours := trusted != nil && trusted(r)
	if ours {
		c.From = callerName(r)
		c.Priority, _ = strconv.Atoi(r.Header.Get(HeaderPriority))
		c.Repeated = r.Header.Get(HeaderAttempt) != ""
	}
	ctx = extractTrace(ctx, r.Header, ours)
	if left, ok := timeLeft(r.Header); ok {
		if left <= 0 {
			err = errExpired
		}
		limited := deadline.With(ctx, c.Start.Add(left))
		ctx, stop = limited, limited.Stop
		if asked, _ := ctx.Deadline(); (!ours || r.Header[HeaderUntrusted] != nil) && asked.Equal(c.Start.Add(left)) {
			ctx = deadline.Foreign(ctx, c.Start)
		}
	}
	c.Deadline, _ = ctx.Deadline()
	c.Inbound = true // so it takes over nothing of a caller in this process
	ctx = call.With(ctx, c)
	call.Of(ctx).Inbound = false // until the handler runs: see Handler
	return ctx, stop, err
}

// extractTrace returns ctx in the trace that the request carries. An untrusted caller does
// not decide whether the trace is sampled.
func extractTrace(ctx context.Context, h http.Header, ours bool) context.Context {
	if ours {
		return tracing.Extract(ctx, h)
	}
	span := tracing.SpanContextOf(tracing.Extract(context.Background(), h))
	if !span.IsValid() {
		return ctx
	}
	span.Sampled, span.Undecided = false, true
	return tracing.ContextWithSpan(ctx, span)
}
