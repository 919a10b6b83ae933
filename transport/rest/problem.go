package rest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/sinew-go/sinew/call"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/internal/wire"
	"github.com/sinew-go/sinew/tracing"
)

// entityHeaders describe the answer that a problem document replaces.
var entityHeaders = []string{
	"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length", "Content-Range",
	"Etag", "Expires", "Last-Modified",
}

// maxProblemBytes bounds the size of a problem document; a larger one loses its details.
const maxProblemBytes = 64 << 10

// problem returns the answer for a failure.
func problem(err error) answer {
	p := fault.ProblemOf(err)
	text, encoding := json.Marshal(p)
	if encoding != nil || len(text) > maxProblemBytes { // a detail has no JSON form, or a very large one
		p.Details = nil
		text, _ = json.Marshal(p)
	}
	return answer{Status: p.Status, Body: text, err: err}
}

func writeProblem(w http.ResponseWriter, err error) { problem(err).write(w) }

// prepare sets the headers of w for a problem document.
func (a answer) prepare(w http.ResponseWriter) {
	for _, name := range entityHeaders {
		if name != "Content-Range" || a.Status != http.StatusRequestedRangeNotSatisfiable {
			delete(w.Header(), name)
		}
	}
	if wait := fault.RetryAfter(a.err); wait > 0 {
		w.Header().Set("Retry-After", wholeSeconds(wait))
	}
	if isHead(w) {
		if p := new(fault.Problem); json.Unmarshal(a.Body, p) == nil {
			w.Header()[wire.HeaderProblem] = []string{wire.ProblemHeader(*p)}
		}
	}
	reportFailure(w, a.err)
}

// FailureObserver is implemented by an [http.ResponseWriter] that wants the errors behind
// the answers that it writes, for metrics and logs: the HTTP status says less than an
// error's code. Routes and [WriteError] look for a FailureObserver in the writer that
// they get and in those that its method Unwrap leads to.
type FailureObserver interface {
	// Failed is called with the error of each failure before its answer is written. The
	// observer must log the failure itself; without one, the route logs it, with the
	// request's id and trace.
	Failed(err error)
}

// reportFailure passes a failure to the writer that wants it.
func reportFailure(w http.ResponseWriter, err error) {
	if observer, ok := wire.WriterOf[FailureObserver](w); ok {
		observer.Failed(err)
	}
}

var errInternal = fault.Internal.Errorf("internal error")

// WriteError answers a request with err as a problem document, as every route does. err
// must not be nil. It removes headers of w that describe the body of another answer.
func WriteError(w http.ResponseWriter, err error) { writeProblem(w, err) }

// logFailure logs what the caller does not see: as a warning if the failure is the
// service's, else for debugging. A writer that is given failures logs them itself, with
// what it knows of the request.
func logFailure(ctx context.Context, w http.ResponseWriter, log *slog.Logger, route string, err error) {
	if _, ok := wire.WriterOf[FailureObserver](w); ok {
		return
	}
	level := slog.LevelDebug
	if fault.Judge(ctx, err).Outcome() == fault.Failure {
		level = slog.LevelWarn
	}
	log.LogAttrs(ctx, level, "request failed", append(requestAttrs(ctx, route),
		slog.Int("status", fault.ProblemOf(err).Status), slog.String("code", fault.CodeOf(err).String()), slog.String("error", err.Error()))...)
}

// logPanic logs what a handler panicked with, and the stack.
func logPanic(ctx context.Context, log *slog.Logger, route string, p any) {
	log.LogAttrs(ctx, slog.LevelError, "handler panicked", append(requestAttrs(ctx, route),
		slog.Any("panic", p), slog.String("stack", string(debug.Stack())))...)
}

// requestAttrs identifies the request of a route.
func requestAttrs(ctx context.Context, route string) []slog.Attr {
	all := make([]slog.Attr, 0, 9)
	all = append(all, slog.String("route", route))
	if r := call.Of(ctx); r != nil {
		if r.Service != "" {
			all = append(all, slog.String("service", r.Service))
		}
		all = append(all, slog.String("request_id", r.RequestID), slog.Duration("duration", time.Since(r.Start)))
	}
	if span := tracing.SpanContextOf(ctx); span.IsValid() {
		all = append(all, slog.String("trace_id", span.TraceID.String()))
	}
	return all
}
