package rest

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/deadline"
	"github.com/sinew-go/sinew/internal/plain"
	"github.com/sinew-go/sinew/tracing"
)

// What travels with a request, beside its trace.
const (
	headerTimeout   = "X-Request-Timeout"
	headerRequestID = "X-Request-Id"
	headerService   = "X-Service-Name"
	headerAttempt   = "X-Request-Attempt"
	headerPriority  = "X-Request-Priority"
	headerKey       = "Idempotency-Key"
	headerReplayed  = "Idempotency-Replayed"
	headerState     = "Tracestate"
)

// Accept reads what travels with each request into its context: the deadline,
// the trace, and an [endpoint.Call] with the rest. Only where trusted says so are
// the caller's name, its priority and its attempt mark believed; nil trusts
// nobody. The answer has the request's id. A request whose time is over already is
// answered with fault.DeadlineExceeded, unprocessed. Routes served without Accept do
// the same, trusting nobody.
func Accept(trusted func(*http.Request) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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

// SameMachine says that a request comes from this machine: its sender's address
// is the one that it was sent to, or loopback. One that came through a proxy, by
// its Forwarded, X-Forwarded-For or Via, does not; a proxy on this machine must
// add one of them, or the whole world is taken for this machine.
func SameMachine(r *http.Request) bool {
	if r.Header["Forwarded"] != nil || r.Header["X-Forwarded-For"] != nil || r.Header["Via"] != nil {
		return false
	}
	sender, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip := sender.Addr().Unmap()
	if ip.IsLoopback() {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && local.AddrPort().Addr().Unmap() == ip
}

var errOver = fault.DeadlineExceeded.Errorf("the time for the call was over before it came").WithUnprocessed()

// accepted is the request's context with a record; the one it has, if it came
// through Accept. err says that the request is not to be run.
func accepted(r *http.Request, trusted func(*http.Request) bool) (ctx context.Context, stop func(), err error) {
	ctx, stop = r.Context(), func() {}
	if endpoint.CallOf(ctx) != nil {
		return ctx, stop, nil
	}
	call := endpoint.Call{Start: time.Now(), RequestID: plain.Text(r.Header.Get(headerRequestID)), IdempotencyKey: plain.Text(r.Header.Get(headerKey))}
	if call.RequestID == "" {
		call.RequestID = rand.Text()
	}
	if trusted != nil && trusted(r) {
		call.From = plain.Text(r.Header.Get(headerService))
		call.Priority, _ = strconv.Atoi(r.Header.Get(headerPriority))
		call.Repeated = r.Header.Get(headerAttempt) != ""
	}
	ctx = tracing.Extract(ctx, r.Header)
	if text := r.Header.Get(headerTimeout); text != "" {
		left, malformed := time.ParseDuration(text)
		switch {
		case malformed != nil:
		case left <= 0:
			err = errOver
		default:
			limited := deadline.With(ctx, call.Start.Add(left))
			ctx, stop = limited, limited.Stop
		}
	}
	call.Deadline, _ = ctx.Deadline()
	ctx, _ = endpoint.WithCall(ctx, call)
	return ctx, stop, err
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
