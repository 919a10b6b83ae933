package rest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/sinew-go/sinew/endpoint"
	"github.com/sinew-go/sinew/fault"
	"github.com/sinew-go/sinew/tracing"
)

// ofAnswer are headers that may tell of an answer which a problem takes the
// place of.
var ofAnswer = []string{
	"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length", "Content-Range",
	"Etag", "Expires", "Last-Modified",
}

// maxProblem is how long a problem document may be, in bytes; of a longer one the
// details are left out.
const maxProblem = 64 << 10

// problem is a failure as an answer.
func problem(err error) answer {
	p := fault.ProblemOf(err)
	text, encoding := json.Marshal(p)
	if encoding != nil || len(text) > maxProblem { // a detail has no JSON form, or a very long one
		p.Details = nil
		text, _ = json.Marshal(p)
	}
	return answer{p.Status, text, err}
}

// writeProblem answers with a failure.
func writeProblem(w http.ResponseWriter, err error) { problem(err).write(w) }

// announce gets w ready for a problem.
func (a answer) announce(w http.ResponseWriter) {
	for _, name := range ofAnswer {
		delete(w.Header(), name)
	}
	if wait := fault.RetryAfter(a.err); wait > 0 {
		w.Header().Set("Retry-After", wholeSeconds(wait))
	}
	if askedByHead(w) {
		w.Header()[headerProblem] = []string{inHeader(a.Body)}
	}
	tell(w, a.err)
}

// listener is a writer that wants to hear of failures: w, or one beneath it.
func listener(w http.ResponseWriter) interface{ Failed(err error) } {
	for {
		switch at := w.(type) {
		case interface{ Failed(err error) }:
			return at
		case interface{ Unwrap() http.ResponseWriter }:
			w = at.Unwrap()
		default:
			return nil
		}
	}
}

// tell gives a failure to the writer that asks for it.
func tell(w http.ResponseWriter, err error) {
	if l := listener(w); l != nil {
		l.Failed(err)
	}
}

var errInternal = fault.Internal.Errorf("internal error")

// WriteError answers a request with err, which must not be nil, as a problem document:
// what every route does. Headers that w has of the body of another answer go.
func WriteError(w http.ResponseWriter, err error) { writeProblem(w, err) }

// complain logs what the caller is not shown, loudly where something failed. A
// writer that is told of failures logs them itself, with what it knows of the
// request.
func complain(ctx context.Context, w http.ResponseWriter, log *slog.Logger, route string, err error) {
	if listener(w) != nil {
		return
	}
	level := slog.LevelDebug
	if fault.Classify(ctx, err) == fault.Failure {
		level = slog.LevelWarn
	}
	log.LogAttrs(ctx, level, "request failed", append(facts(ctx, route),
		slog.Int("status", fault.ProblemOf(err).Status), slog.String("code", fault.CodeOf(err).String()), slog.String("error", err.Error()))...)
}

// panicked logs what a handler panicked with.
func panicked(ctx context.Context, log *slog.Logger, route string, p any) {
	log.LogAttrs(ctx, slog.LevelError, "handler panicked", append(facts(ctx, route),
		slog.Any("panic", p), slog.String("stack", string(debug.Stack())))...)
}

// facts tell which request of a route it is.
func facts(ctx context.Context, route string) []slog.Attr {
	all := make([]slog.Attr, 0, 9)
	all = append(all, slog.String("route", route))
	if call := endpoint.CallOf(ctx); call != nil {
		if call.Service != "" {
			all = append(all, slog.String("service", call.Service))
		}
		all = append(all, slog.String("request_id", call.RequestID), slog.Duration("duration", time.Since(call.Start)))
	}
	if span := tracing.SpanContextOf(ctx); span.IsValid() {
		all = append(all, slog.String("trace_id", span.TraceID.String()))
	}
	return all
}
