package rest

import (
	"context"
	"crypto/rand"
	"net/http"
	"strconv"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
	"github.com/sinew-go/sinew/internal/headertext"
	"github.com/sinew-go/sinew/tracing"
)

// What travels with a request, beside its trace.
const (
	headerTimeout   = "X-Request-Timeout"
	headerForeign   = "X-Request-Timeout-Untrusted"
	headerRequestID = "X-Request-Id"
	headerService   = "X-Service-Name"
	headerAttempt   = "X-Request-Attempt"
	headerPriority  = "X-Request-Priority"
	headerKey       = "Idempotency-Key"
	headerReplayed  = "Idempotency-Replayed"
	headerState     = "Tracestate"
)

// ReadMetadata reads what travels with each request into its context: the deadline,
// the trace, and an [endpoint.Call] with the rest. trusted says which callers are
// ours; nil trusts nobody. A caller with a verified certificate has the name
// in that, whatever it calls itself. Of a caller that is not trusted
//
//   - the name, the priority and the attempt mark are ignored;
//   - the deadline may end the work early, and blames nobody, see [fault.Hurried];
//   - the trace goes on, and this side decides whether it is sampled.
//
// The answer has the request's id. A request whose time is over already is
// answered with fault.DeadlineExceeded, unprocessed. Routes served without ReadMetadata do
// the same, trusting nobody.
func ReadMetadata(trusted func(*http.Request) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w = asked(w, r)
			ctx, stop, err := accepted(r, trusted)
			defer stop()
			w.Header()[headerRequestID] = []string{endpoint.CallOf(ctx).RequestID}
			if err != nil {
				writeProblem(w, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

var errOver = fault.DeadlineExceeded.Errorf("the time for the call was over before it came").WithUnprocessed()

// accepted is the request's context with a record; the one it has, if it came
// through ReadMetadata. A record of an attempt is the caller's own, which is here where both
// are in one process, and nothing between them but a call. err says that the request is not to be run.
func accepted(r *http.Request, trusted func(*http.Request) bool) (ctx context.Context, stop func(), err error) {
	ctx, stop = r.Context(), func() {}
	if call := endpoint.CallOf(ctx); call != nil && call.Attempt == 0 {
		return ctx, stop, nil
	}
	call := endpoint.Call{Start: time.Now(), RequestID: headertext.OrEmpty(r.Header.Get(headerRequestID)), IdempotencyKey: keyIn(r.Header)}
	if call.RequestID == "" {
		call.RequestID = rand.Text()
	}
	ours := trusted != nil && trusted(r)
	if ours {
		call.From = nameOf(r)
		call.Priority, _ = strconv.Atoi(r.Header.Get(headerPriority))
		call.Repeated = r.Header.Get(headerAttempt) != ""
	}
	ctx = extracted(ctx, r.Header, ours)
	if text := r.Header.Get(headerTimeout); text != "" {
		left, malformed := time.ParseDuration(text)
		switch {
		case malformed != nil:
		case left <= 0:
			err = errOver
		default:
			limited := deadline.With(ctx, call.Start.Add(left))
			ctx, stop = limited, limited.Stop
			if asked, _ := ctx.Deadline(); (!ours || r.Header[headerForeign] != nil) && asked.Equal(call.Start.Add(left)) {
				ctx = deadline.Foreign(ctx, call.Start)
			}
		}
	}
	call.Deadline, _ = ctx.Deadline()
	ctx, _ = endpoint.WithCall(ctx, call)
	return ctx, stop, err
}

// extracted is ctx in the trace that the request brings. Whether a stranger's
// trace is sampled is not for the stranger to say.
func extracted(ctx context.Context, h http.Header, ours bool) context.Context {
	in := tracing.Extract(ctx, h)
	if ours || in == ctx {
		return in
	}
	span := tracing.SpanContextOf(in)
	span.Sampled, span.Undecided = false, true
	return tracing.ContextWithSpan(ctx, span)
}

// carriable says that text may be the value of a header: net/http refuses
// control characters, and that would look like a service that does not answer.
func carriable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' && text[i] != '\t' || text[i] == 0x7f {
			return false
		}
	}
	return true
}
