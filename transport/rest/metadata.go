package rest

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

// Headers that carry metadata, besides those of the trace.
const (
	headerTimeout   = "X-Request-Timeout"
	headerUntrusted = "X-Request-Timeout-Untrusted"
	headerRequestID = "X-Request-Id"
	headerService   = "X-Service-Name"
	headerAttempt   = "X-Request-Attempt"
	headerPriority  = "X-Request-Priority"
	headerKey       = "Idempotency-Key"
	headerReplayed  = "Idempotency-Replayed"
	headerState     = "Tracestate"
)

// ReadMetadata is middleware that reads the metadata of each request into its context:
// the deadline, the trace, and a [call.Record] with the rest. trusted reports whether a
// request comes from a caller that is believed, such as another service of yours; nil
// trusts nobody. A trusted caller with a verified certificate has the certificate's name,
// whatever it calls itself. For a caller that is not trusted
//
//   - the name, the priority and the mark that the call was repeated already are ignored;
//   - the deadline may end the work early, but no policy counts that as a failure: see
//     [fault.Abandoned];
//   - the trace continues, and this side decides whether it is sampled.
//
// The answer carries the request's id, which is a new one if the request has none. A
// request whose deadline has passed is answered with fault.DeadlineExceeded, unprocessed.
// A route that is served without ReadMetadata reads the metadata itself, and trusts
// nobody.
func ReadMetadata(trusted func(*http.Request) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w = markHead(w, r)
			ctx, stop, err := withCall(r, trusted)
			defer stop()
			w.Header()[headerRequestID] = []string{call.Of(ctx).RequestID}
			if err != nil {
				writeProblem(w, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

var errExpired = fault.DeadlineExceeded.Errorf("the deadline of the call had passed before it arrived").WithUnprocessed()

// withCall returns the request's context with a record of the call, and keeps the record
// that ReadMetadata has put there. It replaces the record of an attempt: that is the
// caller's own, found here if both run in one process with only a call between them. An
// error means that the request must not run.
func withCall(r *http.Request, trusted func(*http.Request) bool) (ctx context.Context, stop func(), err error) {
	ctx, stop = r.Context(), func() {}
	if c := call.Of(ctx); c != nil && c.Attempt == 0 {
		return ctx, stop, nil
	}
	c := call.Record{Start: time.Now(), RequestID: headertext.OrEmpty(r.Header.Get(headerRequestID)), IdempotencyKey: readKey(r.Header)}
	if c.RequestID == "" {
		c.RequestID = rand.Text()
	}
	ours := trusted != nil && trusted(r)
	if ours {
		c.From = callerName(r)
		c.Priority, _ = strconv.Atoi(r.Header.Get(headerPriority))
		c.Repeated = r.Header.Get(headerAttempt) != ""
	}
	ctx = extractTrace(ctx, r.Header, ours)
	if text := r.Header.Get(headerTimeout); text != "" {
		left, malformed := time.ParseDuration(text)
		switch {
		case malformed != nil:
		case left <= 0:
			err = errExpired
		default:
			limited := deadline.With(ctx, c.Start.Add(left))
			ctx, stop = limited, limited.Stop
			if asked, _ := ctx.Deadline(); (!ours || r.Header[headerUntrusted] != nil) && asked.Equal(c.Start.Add(left)) {
				ctx = deadline.Foreign(ctx, c.Start)
			}
		}
	}
	c.Deadline, _ = ctx.Deadline()
	c.Inbound = true // so it takes over nothing of a caller in this process
	ctx = call.With(ctx, c)
	call.Of(ctx).Inbound = false // until the handler runs: see processedEndpoint
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
